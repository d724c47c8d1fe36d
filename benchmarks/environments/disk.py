"""What a folder takes on the disk, and what kind of file system that is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

__all__ = ["Taken", "file_system", "taken"]

_BLOCK = 512  # what st_blocks counts in, whatever the file system's own are


class Taken(NamedTuple):
    """Bytes on the disk, and how many files, folders and links that is; hard links count once."""

    bytes: int
    files: int


def taken(*folders: Path) -> Taken:
    """Return what folders take together; a symbolic link is itself, and not what it leads to."""
    seen: dict[tuple[int, int], int] = {}
    for top in folders:
        _count(top, seen)
        for folder, names, files in os.walk(top):
            for name in (*names, *files):
                _count(Path(folder, name), seen)
    return Taken(sum(seen.values()), len(seen))


def _count(path: Path, seen: dict[tuple[int, int], int]) -> None:
    about = path.lstat()
    seen[about.st_dev, about.st_ino] = about.st_blocks * _BLOCK


def file_system(folder: Path, mounts: str | None = None) -> str:
    r"""Return the kind of the file system that a folder is on.

    >>> file_system(Path("/scratch/a"), "x / ext4 rw 0 0\ny /scratch xfs rw 0 0\nz /scr tmpfs rw 0 0\n")
    'xfs'
    """
    lines = Path("/proc/self/mounts").read_text() if mounts is None else mounts
    found = [line.split()[1:3] for line in lines.splitlines()]
    above = [(where, kind) for where, kind in found if folder.is_relative_to(where)]
    return max(above, key=lambda one: len(one[0]))[1]
