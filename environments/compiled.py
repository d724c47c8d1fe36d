"""Takes along what Python compiled in the state before, for sources that are the very same.

The check, and the user's first import of anything, wait for Python to compile, for a new state has nothing
compiled. Python believes a compiled file when the time and the size in its head are the source's (PEP 552).
That is too little for another state: in many packages all files bear one time, and a version number is as
long as the next one. So the source must be the very same file, linked twice, or have the same contents. Paths
in what was compiled are corrected by Python when it loads it.

What pip or anybody broke is not hidden by this: a source that was written over is another file. Somebody who
writes a compiled file on purpose, with the head of the source, has it run in the next state as it does in
this one; but it is his own account, and his ``.pth`` files and modules are taken along as well. Reset takes
nothing along. A compiled file that is damaged would fail the check, which is repeated without them then.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import stat
from collections.abc import Iterator
from importlib.util import source_from_cache
from pathlib import Path
from typing import Final

__all__ = ["FOLDER", "fits", "link", "same", "take"]

FOLDER: Final = "__pycache__"
HEAD_BYTES: Final = 16
FOUR_BYTES: Final = 0xFFFFFFFF


def take(old: Path, new: Path) -> list[Path]:
    """Link what was compiled in one prefix into another, where nothing is yet, and return what was made.

    A compiled file may have any number of links: Python, pip and conda replace it, and never write into it.
    """
    taken = []
    for compiled in _compiled(old / "lib"):
        target = new / compiled.relative_to(old)
        source = _source(compiled)
        if source and fits(compiled, source) and same(source, new / source.relative_to(old)):
            try:
                link(compiled, target)
            except FileExistsError:
                continue  # the package brings it
            taken.append(target)
    return taken


def _compiled(top: Path) -> Iterator[Path]:
    for folder, _folders, names in os.walk(top):
        if folder.endswith(f"/{FOLDER}"):
            yield from (Path(folder, name) for name in names)


def _source(compiled: Path) -> Path | None:
    try:
        return Path(source_from_cache(compiled))
    except ValueError:
        return None


def fits(compiled: Path, source: Path) -> bool:
    """Tell whether Python would compare a compiled file with its source, and take it."""
    try:
        if not stat.S_ISREG(compiled.lstat().st_mode):
            return False
        with compiled.open("rb") as file:
            head = file.read(HEAD_BYTES)
        about = source.lstat()
    except OSError:
        return False
    flags, time, size = (int.from_bytes(head[at : at + 4], "little") for at in (4, 8, 12))
    wanted = (0, int(about.st_mtime) & FOUR_BYTES, about.st_size & FOUR_BYTES)
    return len(head) == HEAD_BYTES and (flags, time, size) == wanted


def same(old: Path, new: Path) -> bool:
    """Tell whether two sources are one file, linked twice, or alike to the last byte."""
    try:
        one, other = old.lstat(), new.lstat()
        if os.path.samestat(one, other):
            return True
        alike = (one.st_mode, one.st_size, one.st_mtime_ns) == (
            other.st_mode,
            other.st_size,
            other.st_mtime_ns,
        )
        # Copies, where there are no links, and what pip had put there.
        return alike and filecmp.cmp(old, new, shallow=False)
    except OSError:
        return False


def link(compiled: Path, target: Path) -> None:
    """Link a compiled file to where Python looks for it; where there are no links, copy it.

    Raises
    ------
    OSError
        There is one already, or no room; nothing is left half then.
    """
    target.parent.mkdir(exist_ok=True)
    try:
        os.link(compiled, target)
    except FileExistsError:
        raise
    except OSError:  # as many links as there can be, or a file system that has none
        try:
            shutil.copy2(compiled, target)
        except OSError:
            target.unlink(missing_ok=True)
            raise
