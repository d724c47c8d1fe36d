"""``python -m services.queues``, started by JupyterHub as one of its services."""

import asyncio
import logging
import os
import sys

from jupyterhub.services.auth import HubOAuth

from queues.policy import PolicyError
from services.queues.app import serve
from services.queues.settings import Settings, SettingsError


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(levelname).1s %(asctime)s %(name)s: %(message)s")
    # JupyterHub's login code writes session ids there at INFO.
    logging.getLogger("tornado.application").setLevel(logging.WARNING)
    # Seconds for which a browser is believed without asking the hub: who is shut out there is soon out here.
    HubOAuth.instance(cache_max_age=60)
    try:
        asyncio.run(serve(Settings.from_environment(os.environ)))
    except (PolicyError, SettingsError, OSError) as error:
        print(f"services.queues: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
