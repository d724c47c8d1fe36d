"""Keeps what Python compiled beside each package in the cache, so that no further state compiles it again.

It lies in a folder of its own within the package's, as hard links, which take next to no room. It is lent
with the package, and is gone with it, also when the package is fetched anew. A name there tells the source's
path in the package, which Python compiled it, and a digest: what was damaged or cut short is never used, nor
is what another account owns. It is linked into a state where the source is the very file of the package, and
Python would take it for the source's, as in `environments.compiled`.

Kept is only what the check of a new state compiled itself, and only what that Python can load: on a full disk
Python may write a half without noticing. For one source and one Python one file is kept. Reset takes nothing
and keeps all anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

from environments import cache, compiled
from environments.problems import Problem
from environments.removing import remove_tree
from environments.supervising import run_child

__all__ = ["forget", "keep", "take"]

PROGRAM: Final = Path(__file__).resolve().with_name("loading.py")
LIMIT_SECONDS: Final = 60.0
DIGEST_BYTES: Final = 16
LONGEST_NAME: Final = 255
LIBRARY: Final = re.compile(r"python(\d+)\.(\d+t?)")
ANYWHERE: Final = "site-packages/"
"""Where packages for any Python have their modules: below the folder of whichever there is."""


class _Python(NamedTuple):
    """Where a prefix has its modules, and the tag of what its Python compiles (PEP 3147)."""

    library: str
    tag: str


class _Kept(NamedTuple):
    """A file in the cache, and what its name tells."""

    path: Path
    source: str
    tag: str
    digest: str


def take(packages: Path, prefix: Path) -> list[Path]:
    """Link what is kept of a prefix's packages into it, where nothing is yet, and return what was made."""
    taken = []
    for package, python in _packages(packages, prefix):
        for kept in _all_kept(package, python):
            source = prefix / _placed(kept.source, python)
            target = _cached(source, python)
            with suppress(OSError):
                # The package may bring it, or the state before had it; what is not right is compiled again.
                if (
                    not target.exists()
                    and compiled.same(package / kept.source, source)
                    and _is_right(kept, source)
                ):
                    compiled.link(kept.path, target)
                    taken.append(target)
    return taken


def keep(packages: Path, prefix: Path, before: Collection[Path]) -> None:
    """Keep what was compiled in a prefix, but what was there before it was checked.

    Where it cannot be kept (no room, no hard links, another install is at work), only time is lost.
    """
    known = frozenset(before)
    with suppress(OSError), cache.unless_busy(packages) as alone:
        places = list(_packages(packages, prefix)) if alone else []
        found = [(package, python, _new(package, prefix, python, known)) for package, python in places]
        whole = _loadable(prefix, [path for *_place, new in found for path in new])
        for package, python, new in found:
            with suppress(OSError):
                _keep(package, python, {path: source for path, source in new.items() if path in whole})


def forget(packages: Path, prefix: Path) -> None:
    """Remove what is kept of the packages of a prefix."""
    for package, _python in _packages(packages, prefix):
        with suppress(OSError):
            remove_tree(package / cache.COMPILED)


def _packages(packages: Path, prefix: Path) -> Iterator[tuple[Path, _Python]]:
    """Yield the folders of a prefix's packages in the cache; none where there is no Python, or several."""
    pythons = list(_pythons(prefix))
    if len(pythons) == 1:
        for record in sorted((prefix / "conda-meta").glob("*.json")):
            yield packages / record.stem, pythons[0]


def _pythons(prefix: Path) -> Iterator[_Python]:
    with suppress(OSError), os.scandir(prefix / "lib") as entries:
        for entry in entries:
            match = LIBRARY.fullmatch(entry.name)
            if match and entry.is_dir(follow_symlinks=False):
                yield _Python(f"lib/{entry.name}", f"cpython-{match[1]}{match[2]}")


def _placed(source: str, python: _Python) -> str:
    """Return where a file of a package lies in a prefix."""
    return f"{python.library}/{source}" if source.startswith(ANYWHERE) else source


def _cached(source: Path, python: _Python) -> Path:
    return source.parent / compiled.FOLDER / f"{source.stem}.{python.tag}.pyc"


# ----- what is kept --------------------------------------------------------------------------------------


def _all_kept(package: Path, python: _Python) -> Iterator[_Kept]:
    with suppress(OSError), os.scandir(package / cache.COMPILED) as entries:
        for entry in entries:
            source, tag, digest = _told(entry.name)
            if tag == python.tag and ".." not in source.split("/"):
                yield _Kept(Path(entry.path), source, tag, digest)


def _told(name: str) -> tuple[str, str, str]:
    """Return what a name tells: a source's path in the package, a tag, and a digest.

    >>> _told("site-packages%2Fa%2Fb.py.cpython-311.00ff")
    ('site-packages/a/b.py', 'cpython-311', '00ff')
    """
    rest, _dot, digest = name.rpartition(".")
    source, _dot, tag = rest.rpartition(".")
    return unquote(source), tag, digest


def _is_right(kept: _Kept, source: Path) -> bool:
    """Tell whether a file is as it was when it was kept, and Python would take it for the source."""
    about = kept.path.lstat()
    return (
        stat.S_ISREG(about.st_mode)
        and about.st_uid == os.geteuid()
        and compiled.fits(kept.path, source)
        and _digest(kept.path) == kept.digest
    )


def _digest(path: Path) -> str:
    return hashlib.blake2b(path.read_bytes(), digest_size=DIGEST_BYTES).hexdigest()


# ----- what is new ---------------------------------------------------------------------------------------


def _new(package: Path, prefix: Path, python: _Python, known: frozenset[Path]) -> dict[Path, str]:
    """Return what was compiled of a package's sources, and these sources' paths in the package."""
    try:
        record = json.loads((prefix / "conda-meta" / f"{package.name}.json").read_bytes())
        files = frozenset(str(name) for name in record["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    new = {}
    for name in files:
        folder, _slash, module = name.rpartition("/")
        within = f"{folder}/{compiled.FOLDER}/{module.removesuffix('.py')}.{python.tag}.pyc"
        # There are thousands of sources, of which few were compiled just now.
        if name.endswith(".py") and within not in files and os.path.lexists(f"{prefix}/{within}"):
            path, source = prefix / within, prefix / name
            packed = _packed(package, name, python)
            if path not in known and compiled.fits(path, source) and compiled.same(package / packed, source):
                new[path] = packed
    return new


def _packed(package: Path, name: str, python: _Python) -> str:
    """Return where a file of a prefix lies in its package."""
    anywhere = name.removeprefix(f"{python.library}/")
    return anywhere if anywhere.startswith(ANYWHERE) and (package / anywhere).exists() else name


def _loadable(prefix: Path, paths: list[Path]) -> frozenset[Path]:
    """Return what the prefix's own Python can load."""
    if not paths:
        return frozenset()
    try:
        result = run_child(
            [str(prefix / "bin" / "python"), "-IS", str(PROGRAM)],
            {"paths": [str(path) for path in paths]},
            environ={"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"},
            stall_seconds=LIMIT_SECONDS,
            limit_seconds=LIMIT_SECONDS,
            hear=lambda about: None,
        )
    except Problem:
        return frozenset()
    return frozenset(Path(path) for path in result["whole"])


def _keep(package: Path, python: _Python, new: dict[Path, str]) -> None:
    """Keep one file for each source, instead of the one that was there; the cache is locked."""
    folder = package / cache.COMPILED
    folder.mkdir(exist_ok=True)
    before = {kept.source: kept.path for kept in _all_kept(package, python)}
    for path, source in new.items():
        name = f"{quote(source, safe='')}.{python.tag}.{_digest(path)}"
        if len(name) <= LONGEST_NAME:
            before.get(source, folder / name).unlink(missing_ok=True)
            os.link(path, folder / name)
