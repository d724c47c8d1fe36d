"""Whether there is room for an environment, before anything is begun."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from environments.problems import Problem
from texts import mark as _

__all__ = ["check_room", "is_exhausted", "room_problem"]

EXHAUSTED_BYTES: Final = 2**17
LEAST_FILES: Final = 30_000
"""About what the base set has; a file system that does not count its files reports none at all."""


def is_exhausted(folder: Path) -> bool:
    """Tell whether a disk is as good as full; engines do not always say that this is what hindered them."""
    there = os.statvfs(folder)
    return there.f_bavail * there.f_frsize < EXHAUSTED_BYTES or bool(there.f_files and not there.f_favail)


def check_room(folder: Path, least_free_mb: int) -> None:
    """Look at what is free where `folder` is. A quota is not seen by this; 0 looks at nothing.

    Raises
    ------
    Problem
        ``full``.
    """
    if not least_free_mb:
        return
    there = os.statvfs(folder)
    free_mb = there.f_bavail * there.f_frsize // 2**20
    files = there.f_favail if there.f_files else LEAST_FILES
    if problem := room_problem(str(folder), free_mb, least_free_mb, files):
        raise problem


def room_problem(folder: str, free_mb: int, least_free_mb: int, files: int) -> Problem | None:
    """Return what is lacking: room in MiB, or files that may still be made."""
    if free_mb < least_free_mb:
        return Problem(
            "full",
            _(
                "Only %(free)d MB are free at %(folder)s, and %(least)d are asked for before anything is "
                "begun. Remove what you do not need and try again. What you had is unchanged."
            ),
            free=free_mb,
            least=least_free_mb,
            folder=folder,
        )
    if files < LEAST_FILES:
        return Problem(
            "full",
            _(
                "Only %(files)d more files may be made at %(folder)s, and an environment has about "
                "%(least)d. Remove what you do not need and try again. What you had is unchanged."
            ),
            files=files,
            least=LEAST_FILES,
            folder=folder,
        )
    return None
