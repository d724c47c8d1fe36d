"""``python -m services.environments``, started by JupyterHub as one of its services."""

import os
import sys

from environments.site import SiteError
from queues.policy import PolicyError
from services.environments.app import serve
from services.environments.settings import Settings, SettingsError
from services.serving import run

if __name__ == "__main__":
    sys.exit(
        run(
            "services.environments",
            lambda: serve(Settings.from_environment(os.environ)),
            PolicyError,
            SettingsError,
            SiteError,
        )
    )
