"""What the hub and the site tell this service, in its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.settings import Place, SettingsError, required

__all__ = ["Settings", "SettingsError"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Where to listen, and which queues there are."""

    place: Place
    queues: Path

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings.

        Raises
        ------
        SettingsError
            Naming the first one that will not do.
        """
        place = Place.from_environment(environ)
        return cls(
            place, Path(required(environ, "HPCHUB_QUEUES", "write the path of the site's queues.toml"))
        )
