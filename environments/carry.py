"""Takes along what no conda package owns: what pip put into the generation before, and files made by hand.

pip in a process that was started through the address writes the address into scripts, which stays right. In
one started from the generation itself it writes the generation's path, which is replaced by the new one's.

What pip put over a conda package is not taken along: the new generation has the package whole, and half of
another version beside it would break both. Nor is what was installed for another Python. It is all said.
"""

from __future__ import annotations

import csv
import json
import mmap
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from environments.records import Progress, Tell
from environments.supervising import check_cancelled
from slurm.records import Sentence
from texts import mark as _

__all__ = ["Other", "carry", "left_behind", "others"]

LIBRARY: Final = re.compile(r"(lib/python\d+\.\d+)/")
DIST: Final = re.compile(
    r"(?P<site>.+)/(?P<name>[^/]+?)-(?P<version>[^/-]+)(?:-py[\d.]+)?\.(?:dist|egg)-info(?:/.*)?"
)
NOT_OURS: Final = ("conda-meta", "pkgs", "envs")
MADE_ANEW: Final = ("CACHEDIR.TAG", ".condarc")


@dataclass(frozen=True, slots=True)
class Other:
    """A distribution that conda does not know: pip, or somebody by hand, installed it.

    Attributes
    ----------
    files : frozenset of str
        Relative to the prefix, as far as it lists them.
    """

    name: str
    version: str
    files: frozenset[str] = frozenset()


def others(prefix: Path) -> list[Other]:
    """Return what pip installed into a prefix, by name."""
    return _dists(prefix, _unowned(prefix, _owned(prefix)))


def left_behind(prefix: Path) -> list[Sentence]:
    """Say what a reset leaves behind; it stays in the state before."""
    names = ", ".join(f"{one.name} {one.version}" for one in others(prefix))
    if not names:
        return []
    return [
        Sentence(
            _("Not in the new environment, for pip had installed it: %(names)s. Install it again if needed."),
            {"names": names},
        )
    ]


def carry(old: Path, new: Path, replaced: Mapping[str, str], tell: Tell) -> list[Sentence]:
    """Copy what no package owns from one prefix to another, and say what was not copied.

    Parameters
    ----------
    replaced : mapping
        Paths that files may have in them, with what stands for them now. In files that are not text only
        those of equal length are replaced.
    """
    unowned = _unowned(old, _owned(old))
    dists = _dists(old, unowned)
    in_new = _owned(new)
    taken = {path for dist in dists for path in dist.files & in_new}
    other = {path for path in taken if not _alike(old / path, new / path, replaced)}
    leave, notes = _not_taken(dists, in_new, other, unowned)
    files = [path for path in unowned if path not in leave and path not in in_new]
    for done, path in enumerate(files):
        check_cancelled()
        tell(Progress("carry", packages_done=done, packages_total=len(files), current=path))
        _copy(old / path, new / path, replaced)
    return notes


def _not_taken(
    dists: list[Other], in_new: set[str], other: set[str], unowned: list[str]
) -> tuple[set[str], list[Sentence]]:
    """Return the files that are not taken along, and why.

    Parameters
    ----------
    other : set of str
        Files of packages that pip wrote something else into. The same content is no matter: packages that
        share a namespace have the same file in it.
    """
    conda_names = {_normal(match["name"]) for path in in_new if (match := DIST.fullmatch(path))}
    libraries = {match[1] for path in in_new if (match := LIBRARY.match(path))}
    foreign = {path for path in unowned if (match := LIBRARY.match(path)) and match[1] not in libraries}
    over = [one for one in dists if _normal(one.name) in conda_names or one.files & other]
    other_python = [one for one in dists if one not in over and one.files & foreign]
    leave = foreign.union(*(one.files for one in (*over, *other_python)))
    notes = [
        Sentence(
            _("pip had put %(name)s %(version)s over a package; that package's own version is used again."),
            {"name": one.name, "version": one.version},
        )
        for one in over
    ]
    notes += [
        Sentence(
            _("%(name)s %(version)s was installed by pip for another Python; install it again."),
            {"name": one.name, "version": one.version},
        )
        for one in other_python
    ]
    return leave, notes


def _owned(prefix: Path) -> set[str]:
    """Return the files that conda packages own.

    conda writes those of packages without a platform as ``site-packages/…`` in one list and as they lie in
    the other, so both are taken.
    """
    owned: set[str] = set()
    for path in (prefix / "conda-meta").glob("*.json"):
        try:
            about = json.loads(path.read_text(encoding="utf-8"))
            owned.update(map(str, about.get("files") or ()))
            owned.update(str(one["_path"]) for one in (about.get("paths_data") or {}).get("paths") or ())
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return owned


def _unowned(prefix: Path, owned: set[str]) -> list[str]:
    return sorted(path for path in _files(prefix) if path not in owned and path not in MADE_ANEW)


def _files(prefix: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(prefix):
        here = Path(folder)
        # Python writes what it compiles anew.
        folders[:] = [name for name in folders if name != "__pycache__"]
        if here == prefix:
            folders[:] = [name for name in folders if name not in NOT_OURS]
        links = [name for name in folders if (here / name).is_symlink()]
        for name in (*names, *links):
            yield (here / name).relative_to(prefix).as_posix()


def _dists(prefix: Path, unowned: list[str]) -> list[Other]:
    found: dict[str, Other] = {}
    for path in unowned:
        match = DIST.fullmatch(path)
        if match is None or not path.endswith(("/METADATA", "/PKG-INFO", ".egg-info")):
            continue
        folder = PurePosixPath(path).parent if "/" in path and not path.endswith(".egg-info") else None
        files = {one for one in unowned if folder and one.startswith(f"{folder}/")}
        if folder and f"{folder}/RECORD" in unowned:
            files |= _recorded(prefix, match["site"], f"{folder}/RECORD")
        found[_normal(match["name"])] = Other(match["name"], match["version"], frozenset(files or {path}))
    return sorted(found.values(), key=lambda one: _normal(one.name))


def _recorded(prefix: Path, site: str, record: str) -> set[str]:
    """Return what a distribution lists as its own; see PyPA's "Recording installed projects"."""
    files = set()
    try:
        with (prefix / record).open(encoding="utf-8", newline="") as file:
            for row in csv.reader(file):
                if row and row[0]:
                    files.add(os.path.normpath(f"{site}/{row[0]}") if row[0][0] != "/" else row[0])
    except (OSError, ValueError, csv.Error):
        pass
    return files


def _normal(name: str) -> str:
    """Return a distribution's name as PyPI compares it; see "Names and normalization"."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _alike(old: Path, new: Path, replaced: Mapping[str, str]) -> bool:
    try:
        before, after = old.read_bytes(), new.read_bytes()
    except OSError:
        return False
    for path, now in replaced.items():
        before = before.replace(path.encode(), now.encode())
    return before == after


def _copy(old: Path, new: Path, replaced: Mapping[str, str]) -> None:
    try:
        new.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        return  # a package has a file there now
    if old.is_symlink():
        target = str(old.readlink())
        for before, after in replaced.items():
            if target == before or target.startswith(f"{before}/"):
                target = after + target.removeprefix(before)
        if not os.path.lexists(new):
            new.symlink_to(target)
        return
    if not old.is_file():
        return
    shutil.copy2(old, new)
    _replace(new, replaced)


def _replace(path: Path, replaced: Mapping[str, str]) -> None:
    if not path.stat().st_size:
        return
    pairs = [(before.encode(), after.encode()) for before, after in replaced.items()]
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        pairs = [pair for pair in pairs if content.find(pair[0]) >= 0]
        if not pairs:
            return
        data = content[:]
    is_text = b"\0" not in data
    for before, after in pairs:
        if is_text or len(before) == len(after):
            data = data.replace(before, after)
    path.write_bytes(data)
