"""Writes the figures into docs/benchmarks.md, between two marks, and draws the picture beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.load import plot, results
from benchmarks.load.table import tables

__all__ = ["BEGIN", "END", "filled", "write"]

DOCS = Path(__file__).resolve().parents[2] / "docs"
BEGIN = "<!-- load: written by `python -m benchmarks load`; changes are lost -->"
END = "<!-- load: end -->"
_PICTURE = "images/load.svg"
_CAPTION = (
    "Queries, CPU time and lag of the three hubs against the number of servers; the tables say the same"
)


def write(record: Mapping[str, Any] | None = None, docs: Path = DOCS) -> None:
    """Write the page's part for this run, or for the newest one."""
    record = record or results.latest()
    plot.draw(record, docs / _PICTURE)
    page = docs / "benchmarks.md"
    page.write_text(filled(page.read_text(encoding="utf-8"), record), encoding="utf-8")


def filled(text: str, record: Mapping[str, Any]) -> str:
    """Return the page with the run between its marks.

    Raises
    ------
    ValueError
        The page has lost a mark.
    """
    before, begin, rest = text.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"docs/benchmarks.md needs the lines {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n\n![{_CAPTION}]({_PICTURE})\n\n{tables(record)}\n{END}{after}"
