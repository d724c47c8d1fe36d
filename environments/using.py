"""Which prefixes this user's processes on this machine run from; those elsewhere cannot be seen."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

__all__ = ["prefixes_in_use"]


def prefixes_in_use(folder: Path) -> set[str]:
    """Return the names of the folders directly in `folder` from which some process runs a program."""
    names = set()
    within = f"{folder.resolve()}/"
    for link in Path("/proc").glob("[0-9]*/exe"):
        with suppress(OSError):
            program = str(link.readlink())
            if program.startswith(within):
                names.add(program.removeprefix(within).partition("/")[0])
    return names
