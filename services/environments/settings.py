"""What the hub and the site tell this service, in its environment."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from environments.site import DEFAULT_PATH
from services.settings import Place, SettingsError, required

__all__ = ["Settings", "SettingsError"]

_RUNNER = Path(__file__).resolve().parents[2] / "environments" / "run.py"


@dataclass(frozen=True, slots=True)
class Settings:
    """Where to listen, and how jobs are made.

    Attributes
    ----------
    queues, site : Path
        The site's queues.toml and environments.toml.
    acts_as_user : str
        The command of the helper, as `SlurmGPUSpawner.acts_as_user` has it.
    python, runner : str
        With what an action runs on a node, and what; every node must have both at these paths.
    hub : str
        The name by which this hub's jobs are known, as `SlurmGPUSpawner.hub_name`.
    """

    place: Place
    queues: Path
    site: Path
    acts_as_user: str
    python: str
    runner: str
    hub: str

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings.

        Raises
        ------
        SettingsError
            Naming the first one that will not do.
        """
        place = Place.from_environment(environ)
        queues = required(environ, "HPCHUB_QUEUES", "write the path of the site's queues.toml")
        helper = required(
            environ, "HPCHUB_ACTS_AS_USER", "write what SlurmGPUSpawner.acts_as_user says, with {username}"
        )
        if "{username}" not in helper:
            raise SettingsError(
                f"HPCHUB_ACTS_AS_USER={helper}: write {{username}} where the user's name goes"
            )
        return cls(
            place=place,
            queues=Path(queues),
            site=Path(environ.get("HPCHUB_ENVIRONMENTS") or DEFAULT_PATH),
            acts_as_user=helper,
            python=environ.get("HPCHUB_JOB_PYTHON") or sys.executable,
            runner=environ.get("HPCHUB_JOB_RUNNER") or str(_RUNNER),
            hub=environ.get("HPCHUB_HUB_NAME") or "hpchub",
        )
