"""The site's lock files: sets of packages, solved once by the administrator, installed by everybody.

A lock file is a ``pixi.lock``, written by rattler. Its first line is a comment that says what was solved, so
that everything about it is in one file, which is there whole or not at all.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from environments import definitions
from environments.problems import Problem
from environments.rattler_engine import solve
from environments.writing import write_whole
from texts import mark as _

if TYPE_CHECKING:
    from environments.records import Tell
    from environments.site import Set, Site

__all__ = ["about", "is_fresh", "lock", "lock_file", "lock_name", "plan"]

HEAD: Final = "# hpchub "
LONGEST_HEAD: Final = 4096


def lock_name(set_name: str, platform: str, cuda: str = "") -> str:
    """Return the file's name.

    >>> lock_name("base", "linux-64", "12.8")
    'base-linux-64-cuda12.8.lock'
    """
    return f"{set_name}-{platform}{f'-cuda{cuda}' if cuda else ''}.lock"


def lock_file(site: Site, set_name: str, platform: str, cuda: str = "") -> Path | None:
    """Return the lock file that an environment of this set is made from; None when it must be solved.

    Without one for that CUDA version there is none: packages for another one might not run.
    """
    if site.locks is None:
        return None
    chosen = site.set_named(set_name)
    path = site.locks / lock_name(chosen.name if chosen else set_name, platform, cuda)
    return path if path.is_file() else None


def plan(site: Site, sets: Iterable[Set] = ()) -> list[tuple[Set, str, str]]:
    """Return what is to be locked: set, platform and CUDA version, for everything that the site names.

    Parameters
    ----------
    sets : iterable of Set
        Only these; all when it is empty.
    """
    versions = sorted({"", *site.cuda.values()})
    chosen = tuple(sets) or site.sets
    return [(one, platform, cuda) for one in chosen for platform in site.platforms for cuda in versions]


def lock(site: Site, chosen: Set, platform: str, cuda: str, out: Path, tell: Tell) -> int:
    """Solve a set's definition and write its lock file; return how many packages are in it.

    Raises
    ------
    Problem
        When it cannot be solved, or a channel does not answer, or has nothing for that platform; what was
        at `out` stays.
    """
    definition = definitions.read(site, chosen)
    if not definition.channels:
        raise Problem("site", _("The site names no channel for the set %(set)s."), set=chosen.name)
    with tempfile.TemporaryDirectory(prefix="hpchub-") as folder:
        made = Path(folder) / "pixi.lock"
        try:
            packages = solve(
                site,
                channels=definition.channels,
                specs=definition.specs,
                platform=platform,
                cuda=cuda,
                repodata=Path(folder),
                lock=made,
                tell=tell,
            )
        except Problem:
            _check_platform(definition.channels, platform)
            raise
        text = made.read_text(encoding="utf-8")
    head = {
        "set": chosen.name,
        "platform": platform,
        "cuda": cuda,
        "digest": definitions.digest(definition, platform, cuda),
        "made": int(time.time()),
        "packages": len(packages),
    }
    write_whole(out, f"{HEAD}{json.dumps(head)}\n{text}")
    return len(packages)


def _check_platform(channels: Iterable[str], platform: str) -> None:
    """Say so when there could be no solution, for no channel has anything for that platform.

    Raises
    ------
    Problem
        Naming the platform and the channels.
    """
    from environments.reaching import silent  # httpx, which users' jobs need not wait for

    if all(silent(address, platform) for address in channels):
        raise Problem(
            "platform",
            _(
                "No packages for %(platform)s are to be seen in %(channels)s. Leave that platform out "
                "(platforms, in the site's file), or ask whoever serves the channels."
            ),
            platform=platform,
            channels=", ".join(channels),
        )


def about(path: Path) -> Mapping[str, Any]:
    """Return what a lock file's first line says of it; nothing for one that others made."""
    with path.open("rb") as file:
        line = file.readline(LONGEST_HEAD).decode(errors="replace")
    try:
        said = json.loads(line.removeprefix(HEAD)) if line.startswith(HEAD) else {}
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def is_fresh(site: Site, chosen: Set, platform: str, cuda: str, path: Path) -> bool:
    """Return whether a lock file was solved from what the set's definition and the channels are now.

    Raises
    ------
    Problem
        When the definition cannot be read.
    """
    wanted = definitions.digest(definitions.read(site, chosen), platform, cuda)
    return about(path).get("digest") == wanted
