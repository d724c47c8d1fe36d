"""The sets' definitions: ``environment.yml`` files that the administrator's `hpchub env lock` solves.

Some come with hpchub and lie beside this file; a site's own ones come first.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from environments.environment_yml import read_yml
from environments.names import check_text
from environments.problems import Problem
from environments.site import Set, Site
from environments.specs import check_spec, resolved
from texts import mark as _

__all__ = ["OWN", "Definition", "digest", "find", "read"]

OWN: Final = Path(__file__).resolve().parent
ENDINGS: Final = ("", ".yml", ".yaml")


@dataclass(frozen=True, slots=True)
class Definition:
    """What a set consists of.

    Attributes
    ----------
    specs : tuple of str
        conda match specs; channels in them are URLs.
    channels : tuple of str
        URLs of the channels that they are solved with: the set's, else the site's. What the file says of
        channels is for those who use it elsewhere.
    """

    path: Path
    specs: tuple[str, ...]
    channels: tuple[str, ...]


def find(site: Site, chosen: Set) -> Path:
    """Return the file of a set's definition.

    Raises
    ------
    Problem
        Saying where it was looked for.
    """
    wanted = (chosen.definition or chosen.name).removeprefix("environments/")
    folders = [folder for folder in (site.definitions, OWN) if folder is not None]
    for folder in folders:
        for ending in ENDINGS:
            # An absolute path stays what it is, whatever stands before it.
            path = folder / f"{wanted}{ending}"
            if path.suffix in ENDINGS[1:] and path.is_file():
                return path
    raise Problem(
        "site",
        _("There is no definition %(name)s of the set %(set)s; it was looked for in %(folders)s."),
        name=wanted,
        set=chosen.name,
        folders=", ".join(str(folder) for folder in folders),
    )


def read(site: Site, chosen: Set) -> Definition:
    """Read a set's definition.

    Raises
    ------
    Problem
        When it is missing, is no ``environment.yml``, or asks for what a lock file cannot hold.
    """
    path = find(site, chosen)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Problem("site", _("%(path)s cannot be read: %(why)s."), path=path, why=str(error)) from None
    check_text(text, "yml")
    yml = read_yml(text)
    if yml.pip:
        raise Problem(
            "site",
            _("%(path)s asks for packages of pip, which a lock file cannot hold; take packages of conda."),
            path=path,
        )
    for spec in yml.specs:
        check_spec(spec, site)
    return Definition(path, resolved(yml.specs, site), chosen.channels or site.channels)


def digest(definition: Definition, platform: str, cuda: str) -> str:
    """Return what changes whenever another solve is due, but for new packages in the channels."""
    about = [sorted(definition.specs), definition.channels, platform, cuda]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()
