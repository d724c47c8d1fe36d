"""The states of an environment: which there are, which one is in use, and going from one to another.

A generation is whole when its mark, ``conda-meta/hpchub``, is there, which is written last, and does not
say `WAITS`: what was made to be switched to is a state of the environment only from then on. Everything
else under ``generations`` is what a killed attempt left, and `clean` removes it, but never what is in use,
and nothing of which it cannot be sure: a disk that does not answer for a moment must not cost a state.
"""

from __future__ import annotations

import math
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from environments import swapping
from environments.layout import GENERATION, Layout
from environments.marking import (
    MARKS,
    WAITS,
    accept,
    holds_packages,
    is_whole,
    marks_of,
    may_be_whole,
    write_marks,
)
from environments.problems import Problem
from environments.removing import remove_tree
from environments.swapping import FOREIGN
from environments.using import prefixes_in_use
from texts import mark as _

__all__ = [
    "MARKS",
    "WAITS",
    "Generation",
    "clean",
    "current",
    "discard",
    "id_of",
    "label",
    "list_all",
    "marks_of",
    "remove",
    "switch",
    "write_marks",
]

TRASH: Final = ".trash"


@dataclass(frozen=True, slots=True)
class Generation:
    """One state of an environment.

    Attributes
    ----------
    id : str
        Eight hexadecimal digits; empty for a folder that was made by others and is still in use.
    made : float
        Unix seconds.
    verb : str
        What made it; empty for one that was made by others.
    packages : int
        How many conda packages are in it.
    """

    id: str
    path: Path
    made: float
    label: str = ""
    verb: str = ""
    current: bool = False
    packages: int = 0


def current(layout: Layout, name: str) -> Path | None:
    """Return the prefix that is in use: a generation, or a folder at the address that others made."""
    address = layout.address(name)
    if swapping.is_ours(layout, address):
        path = swapping.target(address)
        return path if holds_packages(path) else None
    return address if holds_packages(address) else None


def list_all(layout: Layout, name: str) -> list[Generation]:
    """Return all whole states of an environment, the newest first."""
    used = current(layout, name)
    paths = [path for path in _of(layout, name) if is_whole(path)]
    if used is not None and used not in paths:
        paths.append(used)
    found = [_generation(layout, path, used) for path in paths]
    return sorted(found, key=lambda one: one.made, reverse=True)


def switch(layout: Layout, name: str, path: Path) -> None:
    """Make `path`, a whole generation, the environment. What was it before is kept."""
    layout.envs.mkdir(parents=True, exist_ok=True)
    swapping.recover(layout, name)
    if path == current(layout, name):
        return
    # Before it is left: a state that was in use must never look as if it had not been.
    accept(_at_address(layout, name))
    if path.name.endswith(FOREIGN):
        swapping.put_back(layout, name, path)
    else:
        swapping.put(layout, name, path)
    with suppress(OSError):  # it is noted before it is left
        accept(_at_address(layout, name))


def label(layout: Layout, name: str, id: str, text: str) -> None:  # noqa: A002 - what it is everywhere
    """Give a state a name, by which it is kept; an empty one takes the name away.

    Raises
    ------
    Problem
        ``generation``: there is no such state.
    """
    for one in list_all(layout, name):
        if one.id == id:
            write_marks(one.path, {**marks_of(one.path), "label": text})
            return
    raise Problem(
        "generation",
        _("The environment %(name)s has no state %(id)s (any more). Look at what there is and choose again."),
        name=name,
        id=id,
    )


def remove(layout: Layout, name: str) -> None:
    """Remove an environment with all its states.

    Killed at any moment, it leaves an environment that works, or nothing that `clean` would keep: everything
    is renamed before anything is removed, which takes seconds, and the state in use goes last.
    """
    swapping.recover(layout, name)
    address, now = layout.address(name), _at_address(layout, name)
    aside = [_set_aside(layout, name, path) for path in _of(layout, name) if path != now]
    if now is not None and swapping.is_ours(layout, address):
        (now / MARKS).unlink(missing_ok=True)
        address.unlink()
        aside += [_set_aside(layout, name, now)] if now.exists() else []
    elif address.is_symlink() or address.exists():
        layout.generations.mkdir(parents=True, exist_ok=True)
        aside.append(address.rename(_trash(layout, name)))
    for trash in aside:
        _throw_away(trash)
    clean(layout, name, 0)


def clean(layout: Layout, name: str, keep: int) -> None:
    """Finish or remove what killed attempts left, and remove old states.

    Kept are the one in use, those with a label, and of the others the newest, so that `keep` states are
    there besides the labelled ones, the one in use counted; and those that a process on this machine runs
    from. Whoever calls holds the environment.
    """
    swapping.recover(layout, name)
    for path in layout.generations.glob(f".{name}-*{TRASH}"):
        if _name_in(path.name.removeprefix(".").removesuffix(TRASH)) == name:
            _throw_away(path)
    now = _at_address(layout, name)
    for path in _of(layout, name):
        # What was at the address before us may be anything, and is nobody's half.
        if path != now and not may_be_whole(path) and not path.name.endswith(FOREIGN):
            discard(layout, name, path)
    used = prefixes_in_use(layout.generations)
    states = [one for one in list_all(layout, name) if one.path.name.endswith(FOREIGN) or marks_of(one.path)]
    old = [one for one in states if not one.label and not one.current and one.path != now]
    for one in old[max(keep - 1, 0) :]:
        if one.path.name not in used:
            discard(layout, name, one.path)


def discard(layout: Layout, name: str, path: Path) -> None:
    """Remove one state that is not in use."""
    _throw_away(_set_aside(layout, name, path))


def id_of(layout: Layout, path: Path | None) -> str:
    """Return the id of a state; nothing for a folder elsewhere, which others made."""
    if path is None or path.parent != layout.generations:
        return ""
    match = GENERATION.fullmatch(path.name.removesuffix(FOREIGN))
    return match["id"] if match else ""


def count_packages(prefix: Path) -> int:
    """Return how many conda packages are in a prefix."""
    try:
        return sum(1 for path in (prefix / "conda-meta").glob("*.json") if path.name != MARKS.name)
    except OSError:
        return 0


def _generation(layout: Layout, path: Path, used: Path | None) -> Generation:
    marks = marks_of(path)
    return Generation(
        id=id_of(layout, path),
        path=path,
        made=_seconds(marks.get("made")) or _age(path),
        label=str(marks.get("label") or ""),
        verb=str(marks.get("verb") or ""),
        current=path == used,
        packages=count_packages(path),
    )


def _seconds(made: object) -> float:
    """Return a time as it was noted; 0 for what is none, for whoever owns the file may have edited it."""
    return float(made) if isinstance(made, int | float) and 0 < made < math.inf else 0.0


def _age(path: Path) -> float:
    try:
        return (path / "conda-meta").stat().st_mtime
    except OSError:
        return time.time()


def _of(layout: Layout, name: str) -> list[Path]:
    return [path for path in layout.generations.glob(f"{name}-*") if _name_in(path.name) == name]


def _name_in(folder: str) -> str:
    match = GENERATION.fullmatch(folder.removesuffix(FOREIGN))
    return match["name"] if match else ""


def _at_address(layout: Layout, name: str) -> Path | None:
    address = layout.address(name)
    return swapping.target(address) if address.is_symlink() else None


def _trash(layout: Layout, name: str) -> Path:
    fresh = layout.new_generation(name)
    return fresh.with_name(f".{fresh.name}{TRASH}")


def _set_aside(layout: Layout, name: str, path: Path) -> Path:
    """Rename what is to be removed: half removed, it must not look whole."""
    return path.rename(_trash(layout, name))


def _throw_away(trash: Path) -> None:
    # NFS keeps files that are open on some node; the next action tries again.
    with suppress(OSError):
        remove_tree(trash)
