"""The mark of a state, ``conda-meta/hpchub``: what it is, whether it is whole, and was switched to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from environments.reading import read_text
from environments.swapping import FOREIGN
from environments.writing import write_whole

__all__ = [
    "MARKS",
    "WAITS",
    "accept",
    "holds_packages",
    "is_whole",
    "marks_of",
    "may_be_whole",
    "write_marks",
]

# Not .json: conda takes every such file there for the record of a package.
MARKS: Final = Path("conda-meta") / "hpchub"
WAITS: Final = "waits"
"""The mark of what is whole, and was not switched to yet."""
LARGEST_MARKS: Final = 256 * 1024


def marks_of(prefix: Path) -> dict[str, Any]:
    """Return what was written down when a prefix was made; nothing for one that others made."""
    try:
        marks = json.loads(read_text(prefix / MARKS, LARGEST_MARKS) or "")
    except (ValueError, RecursionError):
        return {}
    return marks if isinstance(marks, dict) else {}


def write_marks(prefix: Path, marks: Mapping[str, object]) -> None:
    """Say that a prefix is whole, and what it is."""
    write_whole(prefix / MARKS, json.dumps(dict(marks), indent=1) + "\n")


def is_whole(path: Path) -> bool:
    """Tell whether a state was finished, and switched to if it was made for that."""
    if path.name.endswith(FOREIGN):
        return holds_packages(path)
    marks = marks_of(path)
    return bool(marks) and marks.get(WAITS) is not True


def accept(path: Path | None) -> None:
    """Note that a generation was switched to."""
    marks = marks_of(path) if path is not None else {}
    if path is not None and marks.pop(WAITS, False):
        write_marks(path, marks)


def may_be_whole(path: Path) -> bool:
    """Tell whether a state has a mark, even one that cannot be read; but none that says that it waits."""
    try:
        (path / MARKS).lstat()
        return marks_of(path).get(WAITS) is not True
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


def holds_packages(path: Path) -> bool:
    """Tell whether this is a prefix of conda's, whoever made it."""
    return (path / "conda-meta").is_dir()
