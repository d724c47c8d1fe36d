"""What is kept of an environment when something is added to it or removed: decided from its records."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Kept", "leading_out", "match_name", "merged", "read_kept", "what_goes"]


@dataclass(frozen=True, slots=True)
class Kept:
    """One package of a prefix.

    Attributes
    ----------
    needs : frozenset of str
        Names of packages.
    key : str
        Tells apart what two prefixes hold: the archive's hash where it is known.
    """

    name: str
    needs: frozenset[str]
    key: str
    record: Path


def read_kept(prefix: Path) -> list[Kept]:
    """Read the records of a prefix; one that was cut off is left out, as if the package were not there."""
    return [one for path in sorted((prefix / "conda-meta").glob("*.json")) if (one := _kept(path))]


def leading_out(prefix: Path) -> list[str]:
    """Return the packages of which a file would lie outside of the prefix; py-rattler lets them."""
    return [
        path.stem
        for path in sorted((prefix / "conda-meta").glob("*.json"))
        if any(one.startswith("/") or ".." in one.split("/") for one in _paths(path))
    ]


def match_name(spec: str) -> str:
    """Return the package's name in a match spec or a dependency.

    >>> match_name("conda-forge::numpy >=1.26,<3"), match_name("python=3.11")
    ('numpy', 'python')
    """
    name = spec.strip().rpartition("::")[2]
    for mark in " =<>!~[":
        name = name.partition(mark)[0]
    return name.lower()


def merged(before: Iterable[str], added: Iterable[str], gone: Iterable[str] = ()) -> list[str]:
    """Return what was asked for in all: the newest word on each package counts."""
    wanted = {match_name(spec): spec for spec in (*before, *added)}
    without = {match_name(name) for name in gone}
    return [spec for name, spec in wanted.items() if name not in without]


def what_goes(kept: Sequence[Kept], remove: Iterable[str], requested: Iterable[str]) -> set[str]:
    """Return the names that go when `remove` does.

    These are what needs the removed, and what is there only for the sake of what goes. Where nothing is known
    to have been asked for, the latter stay.
    """
    gone = {match_name(name) for name in remove}
    while more := {one.name for one in kept if one.name not in gone and one.needs & gone}:
        gone |= more
    wanted = {match_name(spec) for spec in requested}
    if not wanted:
        return gone
    reached_before = _reached(kept, wanted)
    reached_after = _reached([one for one in kept if one.name not in gone], wanted - gone)
    return gone | (reached_before - reached_after)


def _reached(kept: Sequence[Kept], begin: set[str]) -> set[str]:
    by_name = {one.name: one for one in kept}
    reached: set[str] = set()
    todo = [name for name in begin if name in by_name]
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo += [need for need in by_name[name].needs if need in by_name]
    return reached


def _paths(record: Path) -> list[str]:
    try:
        about = json.loads(record.read_text(encoding="utf-8"))
        return [str(one["_path"]) for one in about["paths_data"]["paths"]] + [
            str(one) for one in about["files"]
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _kept(path: Path) -> Kept | None:
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        name = str(about["name"])
        key = about.get("sha256") or about.get("md5") or about.get("url") or path.stem
        needs = frozenset(match_name(str(need)) for need in about.get("depends") or ())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return Kept(name, needs, f"{name} {about.get('version')} {about.get('build')} {key}", path)
