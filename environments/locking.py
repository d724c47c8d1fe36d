"""The site's lock files: sets of packages, solved once by the administrator, installed by everybody."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from environments.records import Tell
    from environments.site import Set, Site

__all__ = ["lock", "lock_file", "lock_name"]


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


def lock(site: Site, chosen: Set, platform: str, cuda: str, out: Path, tell: Tell) -> int:
    """Solve a set's definition and write its lock file; return how many packages are in it.

    Raises
    ------
    Problem
        When it cannot be solved, or a channel does not answer; what was at `out` stays.
    """
    raise NotImplementedError
