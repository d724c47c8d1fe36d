"""Copies packages that the site lends into the user's own cache, once: all states are linked from there.

Linked straight from the shared folder, each state would be a copy: nobody may hard-link another one's files.
A package is copied aside and renamed when it is whole, so a half is never taken for one.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from environments import cache
from environments.duplicating import duplicate
from environments.removing import remove_tree

__all__ = ["Asked", "borrow"]

# More than one, for a file system far away answers late.
THREADS: Final = 2
NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)
LINK: Final = -1
# Of py-rattler's NAME.lock: a revision, and the archive's hash where it is known.
REVISION_BYTES: Final = 8


class Asked(NamedTuple):
    """A package as the solve has chosen it.

    Attributes
    ----------
    stem : str
        Its folder's name.
    sha256 : bytes
        Of its archive; empty where it is not known.
    size : int
        Of its archive, in bytes.
    """

    stem: str
    sha256: bytes
    size: int


def borrow(
    packages: Path, shared: Path, asked: Sequence[Asked], tell: Callable[[int, int, str], None]
) -> int:
    """Copy packages that are in the shared folder, and not in the user's own, and return how many.

    What is not whole there, or cannot be read, is left to the channel. Whoever lends is trusted with the
    contents, as far as sizes fit; py-rattler's full validation looks at the copies.

    Parameters
    ----------
    tell : callable
        Hears of bytes done and in all, counted as archives, and of the package; also while it waits for
        another install of the same user.

    Raises
    ------
    OSError
        There is no room: ENOSPC or EDQUOT. Nothing half-copied is left.
    """
    if not _lent(packages, shared, asked):
        return 0
    with cache.alone(packages, lambda: tell(0, 0, "")):
        lent = _lent(packages, shared, asked)
        total, done, taken = sum(one.size for one in lent), 0, 0
        with ThreadPoolExecutor(THREADS) as threads:
            for one, whole in zip(lent, threads.map(partial(_take, packages, shared), lent), strict=True):
                done += one.size
                taken += whole
                tell(done, total, one.stem)
    return taken


def _lent(packages: Path, shared: Path, asked: Sequence[Asked]) -> list[Asked]:
    """Return what is to be copied; a link was borrowed by an earlier version."""
    return [
        one
        for one in asked
        if ((packages / one.stem).is_symlink() or not (packages / one.stem).exists())
        and _is_same(shared / f"{one.stem}.lock", one.sha256)
    ]


def _is_same(lock: Path, sha256: bytes) -> bool:
    """Tell whether a package is the very one, and not of the same name from another channel."""
    try:
        there = lock.read_bytes()[REVISION_BYTES:]
    except OSError:
        return False
    return not there or not sha256 or there == sha256


def _take(packages: Path, shared: Path, one: Asked) -> bool:
    own, lock = packages / one.stem, f"{one.stem}.lock"
    aside = Path(tempfile.mkdtemp(prefix=f".{one.stem}.", dir=packages))
    try:
        sizes: dict[str, int] = {}
        _copy_folder(os.fspath(shared / one.stem), os.fspath(aside), "", sizes)
        if not _is_whole(aside, sizes):
            return False
        _copy_compiled(shared / one.stem, aside)
        # Before the folder: without it py-rattler would not know what it has, and believe it.
        shutil.copyfile(shared / lock, packages / lock)
        if own.is_symlink():
            own.unlink()
        aside.rename(own)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise
        return False
    finally:
        with suppress(OSError):
            remove_tree(aside)
    return True


def _copy_compiled(package: Path, aside: Path) -> None:
    """Copy what Python compiled there, all or nothing; without it the package is as good."""
    compiled = aside / cache.COMPILED
    try:
        compiled.mkdir()
        _copy_folder(os.fspath(package / cache.COMPILED), os.fspath(compiled), "", {})
    except OSError:
        remove_tree(compiled)


def _copy_folder(source: str, target: str, below: str, sizes: dict[str, int]) -> None:
    """Copy what is in a folder into one that is there, and note files' sizes by their paths."""
    with os.scandir(source) as entries:
        for entry in entries:
            if not below and entry.name == cache.COMPILED:
                continue
            to, name = f"{target}/{entry.name}", f"{below}{entry.name}"
            if entry.is_symlink():
                os.symlink(os.readlink(entry.path), to)
                sizes[name] = LINK
            elif entry.is_dir():
                os.mkdir(to)
                _copy_folder(entry.path, to, f"{name}/", sizes)
            elif entry.is_file():
                sizes[name] = _copy_file(entry.path, to)
    os.chmod(target, os.stat(source).st_mode & 0o755 | 0o700)


def _copy_file(source: str, target: str) -> int:
    """Copy a file with its time, by which Python knows what it has compiled, and return its size.

    The owner may write it, whatever holds in the shared folder: what is linked from it may be changed.
    """
    with open(source, "rb") as file, open(target, "xb") as out:
        about = os.fstat(file.fileno())
        duplicate(file, out)
        os.fchmod(out.fileno(), about.st_mode & 0o755 | 0o600)
        os.utime(out.fileno(), ns=(about.st_atime_ns, about.st_mtime_ns))
        return os.fstat(out.fileno()).st_size


def _is_whole(package: Path, sizes: dict[str, int]) -> bool:
    """Tell whether all is there that the package lists, and of the right size."""
    try:
        json.loads((package / "info" / "index.json").read_bytes())
        paths = json.loads((package / "info" / "paths.json").read_bytes())["paths"]
        return all(_fits(one, package, sizes.get(one["_path"])) for one in paths)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _fits(listed: dict[str, object], package: Path, size: int | None) -> bool:
    if listed.get("path_type") == "directory":
        return (package / str(listed["_path"])).is_dir()
    if listed.get("path_type") == "softlink":
        return size == LINK
    return size not in (None, LINK) and size == listed.get("size_in_bytes", size)
