"""``python -m services.queues``, started by JupyterHub as one of its services."""

import os
import sys

from queues.policy import PolicyError
from services.queues.app import serve
from services.queues.settings import Settings, SettingsError
from services.serving import run

if __name__ == "__main__":
    sys.exit(
        run(
            "services.queues",
            lambda: serve(Settings.from_environment(os.environ)),
            PolicyError,
            SettingsError,
        )
    )
