"""The user's own packages, from which generations are hard-linked, and what the site lends to it.

Only py-rattler works in this folder; conda would download everything anew over it.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from environments.removing import remove_tree

__all__ = ["borrow", "give_back", "is_free", "sweep", "wait_until_free"]

LOCK: Final = ".cache.lock"
LEFT: Final = re.compile(r"\..+-[^-]+-[^-]+")
WAIT_SECONDS: Final = 0.3


def sweep(packages: Path) -> None:
    """Remove what killed installs left: unpacked halves, named with a dot; not while one is at work."""
    with _locked(packages) as ours:
        if ours:
            for path in packages.glob(".*"):
                if path.is_dir() and not path.is_symlink() and LEFT.match(path.name):
                    remove_tree(path)


def is_free(packages: Path) -> bool:
    """Tell whether nobody installs from this cache right now, as far as can be known."""
    with _locked(packages) as ours:
        return ours is not False


def wait_until_free(packages: Path, say: Callable[[], None], check: Callable[[], None]) -> None:
    """Wait for another install of the same user; py-rattler would wait as well, but without a word.

    Parameters
    ----------
    say : callable
        Called once, when there is somebody to wait for.
    check : callable
        Called now and then; raises what ends the waiting.
    """
    if is_free(packages):
        return
    say()
    while not is_free(packages):
        check()
        time.sleep(WAIT_SECONDS)


def borrow(packages: Path, shared: Path, stems: Iterable[str]) -> int:
    """Link packages of the site's cache into the user's own, where they are not yet, and return how many.

    py-rattler opens a package's lock file for writing, so that is a copy: the shared folder stays read-only.
    The files of the environment are copies then, for nobody may hard-link another one's files.
    """
    lent = 0
    for stem in stems:
        own, theirs = packages / stem, shared / stem
        if os.path.lexists(own) or not (theirs / "info" / "index.json").is_file():
            continue
        with suppress(OSError):
            shutil.copyfile(shared / f"{stem}.lock", packages / f"{stem}.lock")
            own.symlink_to(theirs)
            lent += 1
    return lent


def give_back(packages: Path) -> None:
    """Borrow nothing any more, for what was lent may be damaged; dead links go as well."""
    for path in packages.glob("*"):
        if path.is_symlink():
            path.unlink()
            path.with_name(f"{path.name}.lock").unlink(missing_ok=True)


@contextmanager
def _locked(packages: Path) -> Iterator[bool | None]:
    """Give True with the cache's lock held, False while another has it, None where there are no locks."""
    try:
        packages.mkdir(parents=True, exist_ok=True)
        handle = os.open(packages / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError:
        yield None
        return
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held: bool | None = True
        except BlockingIOError:
            held = False
        except OSError:
            held = None
        yield held
    finally:
        os.close(handle)
