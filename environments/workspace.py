"""Which files of a folder somebody would take along, and which stay because they may be secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from environments.shown import printable

__all__ = ["MOST_FILES", "Inventory", "inventory"]

MOST_FILES: Final = 10_000

# Names under which programs keep keys, passwords and tokens.
_SECRET: Final = re.compile(
    r"\.ssh|\.gnupg|\.aws|\.azure|\.kube|\.docker|\.netrc|_netrc|\.pgpass|\.pypirc|\.git-credentials|\.env"
    r"|\.env\..*|\.condarc|\.jupyter|\.ipython|id_(?:rsa|dsa|ecdsa|ed25519).*|.*\.(?:pem|key|p12|pfx|keytab)"
    r"|.*(?:credential|secret|token|passw(?:or)?d).*",
    re.IGNORECASE,
)
# What other programs make again, or what belongs to the notebook server here.
_NOT_TAKEN: Final = frozenset(
    {".git", ".ipynb_checkpoints", "__pycache__", ".cache", ".local", ".conda", "node_modules"}
)


@dataclass(frozen=True, slots=True)
class Inventory:
    """What lies in a folder; all paths relative to it, sorted.

    Attributes
    ----------
    files : tuple of (str, int)
        What is taken, with sizes in bytes.
    secrets : tuple of str
        What stays because of its name.
    odd : tuple of str
        What stays because it is a link out of the folder, no plain file, cannot be read, or has a name that
        cannot be written on one line.
    more : bool
        Whether there is more than was looked at.
    """

    files: tuple[tuple[str, int], ...]
    secrets: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()
    more: bool = False

    @property
    def size(self) -> int:
        return sum(size for _name, size in self.files)


def inventory(folder: Path, most: int = MOST_FILES) -> Inventory:
    """Look through a folder without following a link out of it; nothing is opened."""
    files: list[tuple[str, int]] = []
    secrets: list[str] = []
    odd: list[str] = []
    for number, (name, path) in enumerate(_walk(folder)):
        if number >= most:
            return _sorted(files, secrets, odd, more=True)
        if not printable(name):
            odd.append(name)
        elif any(_SECRET.fullmatch(part) for part in name.split("/")):
            secrets.append(name)
        elif (size := _size(path, folder)) is None:
            odd.append(name)
        else:
            files.append((name, size))
    return _sorted(files, secrets, odd, more=False)


def _sorted(files: list[tuple[str, int]], secrets: list[str], odd: list[str], *, more: bool) -> Inventory:
    return Inventory(tuple(sorted(files)), tuple(sorted(secrets)), tuple(sorted(odd)), more)


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield every file, and each folder with a secret's name as one entry."""
    for place, folders, names in os.walk(folder):
        here = Path(place)
        for name in folders[:]:
            path = here / name
            if _SECRET.fullmatch(name) or path.is_symlink():
                yield _relative(path, folder), path
            if _SECRET.fullmatch(name) or name in _NOT_TAKEN or path.is_symlink():
                folders.remove(name)
        for name in names:
            yield _relative(here / name, folder), here / name


def _relative(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder))


def _size(path: Path, folder: Path) -> int | None:
    try:
        if path.is_symlink() or not path.is_file() or not os.access(path, os.R_OK):
            return None
        return path.stat().st_size
    except OSError:
        return None
