"""The one rename that makes another prefix the environment, and what is done when it was killed midway.

Made here, ``envs/NAME`` is a link, and a new link is renamed over it. A folder there that others made (its
path is baked into its files) changes places with the link, by one system call where the file system has it,
else by two renames with a moment between them in which `recover` would finish the work.
"""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from environments.layout import GENERATION, Layout

__all__ = ["FOREIGN", "exchange", "is_ours", "put", "put_back", "recover", "target"]

FOREIGN: Final = ".foreign"
ASIDE: Final = ".link"
AT_FDCWD: Final = -100
RENAME_EXCHANGE: Final = 2  # linux/fs.h


def is_ours(layout: Layout, address: Path) -> bool:
    """Tell whether an address is a link to one of our generations."""
    return address.is_symlink() and target(address).parent == layout.generations


def target(address: Path) -> Path:
    """Return where a link points, without following any further."""
    return Path(os.path.normpath(address.parent / address.readlink()))


def put(layout: Layout, name: str, path: Path) -> None:
    """Make the generation `path` the environment; a foreign one that is there is moved aside."""
    address, aside = layout.address(name), _aside(layout, path.name)
    aside.unlink(missing_ok=True)
    aside.symlink_to(Path("..") / layout.generations.name / path.name)
    if is_ours(layout, address) or not os.path.lexists(address):
        aside.replace(address)
    else:
        foreign = _foreign(layout, name)
        if exchange(aside, address):
            aside.rename(foreign)
        else:
            address.rename(foreign)
            aside.rename(address)
    _settle(layout.envs)


def put_back(layout: Layout, name: str, foreign: Path) -> None:
    """Make a foreign folder that was moved aside the environment again, at the only path where it works."""
    address, aside = layout.address(name), _aside(layout, foreign.name.removesuffix(FOREIGN))
    if os.path.lexists(address) and exchange(foreign, address):
        foreign.unlink()
    else:
        if os.path.lexists(address):
            address.rename(aside)
        foreign.rename(address)
        aside.unlink(missing_ok=True)
    _settle(layout.envs)


def recover(layout: Layout, name: str) -> None:
    """Finish a switch that was killed midway, so that the environment is one whole state again."""
    address = layout.address(name)
    for aside in layout.envs.glob(f".{name}-*{ASIDE}"):
        folder = aside.name.removeprefix(".").removesuffix(ASIDE)
        match = GENERATION.fullmatch(folder)
        if match is None or match["name"] != name:
            continue
        if not is_ours(layout, aside):
            aside.rename(_foreign(layout, name))
        elif not os.path.lexists(address):
            aside.rename(address)
        else:
            aside.unlink()
    for left in layout.generations.glob(f"{name}-*{FOREIGN}"):
        if is_ours(layout, left):
            left.unlink()


def exchange(one: Path, other: Path) -> bool:
    """Let two paths change places at once; False where the system or the file system cannot."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    done = rename(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE)
    return bool(done == 0)


def _aside(layout: Layout, folder: str) -> Path:
    return layout.envs / f".{folder}{ASIDE}"


def _foreign(layout: Layout, name: str) -> Path:
    """Return where a folder of others is kept; its id is its own, for people go back to it by that."""
    fresh = layout.new_generation(name)
    return fresh.with_name(f"{fresh.name}{FOREIGN}")


def _settle(folder: Path) -> None:
    """Have the renames on the disk before the states that they left are removed.

    Where a file system does not do that for folders, the switch was done all the same.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)
