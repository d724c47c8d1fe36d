"""Copies a generation as it is, with all that pip or anybody did to it, to be a generation of its own.

The paths of all generations of an environment are of one length, so the old path can be replaced by the new
one in every file, programs as well. Files of packages, which are links to the cache as they stand, are
linked, and so is what Python compiled from them: it is replaced, never written into, and Python corrects the
path in it when it loads it. Everything else is copied, also what somebody linked to a place of his own.
"""

from __future__ import annotations

import json
import mmap
import os
import re
import shutil
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from environments import generations
from environments.duplicating import duplicate
from environments.layout import Layout
from environments.records import Progress, Tell
from environments.removing import remove_tree
from environments.supervising import check_cancelled

__all__ = ["copy"]

TOLD_EACH: Final = 1000
COMPILED: Final = re.compile(rb"__pycache__/([^/.]+)\.[^/]+\.pyc\Z")
LIBRARY: Final = re.compile(rb"^lib/python\d+\.\d+/(?=site-packages/)")


def copy(layout: Layout, name: str, source: Path, marks: Mapping[str, object], tell: Tell) -> Path:
    """Copy the generation `source`, and return the copy, which is not switched to.

    Raises
    ------
    OSError
        When there is no room; nothing is left then.
    """
    path = layout.new_generation(name)
    old = generations.marks_of(source)
    try:
        _tree(source, path, tell)
        generations.write_marks(path, {**old, **marks, "made": time.time(), "notes": []})
    except BaseException:
        remove_tree(path)
        raise
    return path


def _tree(source: Path, target: Path, tell: Tell) -> None:
    old, new = os.fsencode(source), os.fsencode(target)
    plain = _as_packed(source)
    done = 0
    for folder, names, files in os.walk(old, onerror=_stop):
        there = folder.replace(old, new, 1)
        os.mkdir(there, 0o700)
        for name in [*files, *(each for each in names if os.path.islink(os.path.join(folder, each)))]:
            path = os.path.join(folder, name)
            if os.fsdecode(path) != str(source / generations.MARKS):
                to = os.path.join(there, name)
                _one(path, to, old, new, linked=_is_shared(path, old, plain))
            done += 1
            if done % TOLD_EACH == 0:
                check_cancelled()
                tell(Progress("install", current=os.fsdecode(name)))
        os.chmod(there, stat.S_IMODE(os.stat(folder).st_mode) | stat.S_IRWXU)


def _stop(error: OSError) -> None:
    """Not let a folder be passed over that cannot be read."""
    raise error


def _as_packed(prefix: Path) -> set[bytes]:
    """Return the files of packages that are as in the package: the prefix was not written into them."""
    plain: set[bytes] = set()
    for record in (prefix / "conda-meta").glob("*.json"):
        try:
            paths = json.loads(record.read_bytes())["paths_data"]["paths"]
            plain.update(
                os.fsencode(one["_path"])
                for one in paths
                if one.get("path_type") == "hardlink" and not one.get("prefix_placeholder")
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # one that was cut off: its files are copied
    return plain


def _is_shared(path: bytes, prefix: bytes, plain: set[bytes]) -> bool:
    """Tell whether a file is a package's and linked to the cache, or was compiled from such a one."""
    return _is_packed(path, prefix, plain) or (
        (source := COMPILED.sub(rb"\1.py", path)) != path and _is_packed(source, prefix, plain)
    )


def _is_packed(path: bytes, prefix: bytes, plain: set[bytes]) -> bool:
    packed = os.path.relpath(path, prefix)
    # conda notes those of packages without a platform as if there were no library.
    if packed not in plain and LIBRARY.sub(b"", packed) not in plain:
        return False
    try:
        return os.lstat(path).st_nlink > 1
    except OSError:  # only what was compiled is left of it
        return False


def _one(path: bytes, target: bytes, old: bytes, new: bytes, *, linked: bool) -> None:
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink(path).replace(old, new), target)
    elif stat.S_ISREG(status.st_mode) and not (linked and _linked(path, target)):
        _copied(path, target, status.st_size, old, new)


def _linked(path: bytes, target: bytes) -> bool:
    try:
        os.link(path, target)
    except OSError:  # as many links as there can be, or a file system that has none
        return False
    return True


def _copied(path: bytes, target: bytes, size: int, old: bytes, new: bytes) -> None:
    """Copy a file; where the old path stands in it, with the new one, which takes the same room."""
    if size:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if content.find(old) >= 0:
                with open(target, "wb") as out:
                    out.write(content[:].replace(old, new))
                shutil.copystat(path, target)
                return
    with open(path, "rb") as file, open(target, "wb") as out:
        duplicate(file, out)
    shutil.copystat(path, target)
