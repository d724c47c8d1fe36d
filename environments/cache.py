"""The user's own packages, from which generations are hard-linked, and who works with them.

Only py-rattler works in this folder; conda would download everything anew over it.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from environments.removing import remove_tree

__all__ = ["COMPILED", "alone", "is_free", "names", "sweep", "take_away", "unless_busy", "wait_until_free"]

LOCK: Final = ".cache.lock"
COMPILED: Final = ".compiled"
"""A folder in a package's, which py-rattler does not look at; see `environments.precompiled`."""
LEFT: Final = re.compile(r"\..+-[^-]+-[^-]+")
WAIT_SECONDS: Final = 0.3


def sweep(packages: Path) -> None:
    """Remove what killed installs left: halves, named with a dot; not while one is at work.

    Links go as well, by which earlier versions borrowed: each state was a copy of what they lead to.
    """
    with _locked(packages) as ours:
        for path in packages.iterdir() if ours else ():
            if path.is_symlink():
                path.unlink()
                path.with_name(f"{path.name}.lock").unlink(missing_ok=True)
            elif LEFT.match(path.name) and path.is_dir():
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


@contextmanager
def alone(packages: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Keep other installs of the same user out, and killed ones' halves in, while this lasts.

    Parameters
    ----------
    waiting : callable
        Called now and then, while somebody else is at work.
    """
    while True:
        with _locked(packages) as ours:
            if ours is not False:
                yield
                return
        waiting()
        time.sleep(WAIT_SECONDS)


@contextmanager
def unless_busy(packages: Path) -> Iterator[bool]:
    """Keep other installs of the same user out while this lasts, and give True; False if one is at work."""
    with _locked(packages) as ours:
        yield ours is not False


def names(packages: Path) -> frozenset[str]:
    """Return which packages, halves and notes are there."""
    try:
        return frozenset(os.listdir(packages))
    except FileNotFoundError:
        return frozenset()


def take_away(packages: Path, kept: frozenset[str]) -> None:
    """Remove what was not there before, when there was no room for what it was for."""
    with _locked(packages) as ours, suppress(OSError):
        for name in names(packages) - kept if ours else ():
            if name != LOCK:
                remove_tree(packages / name)


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
