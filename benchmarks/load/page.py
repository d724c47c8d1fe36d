"""Writes the figures of the load into docs/benchmarks.md, and draws the picture beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import page, records
from benchmarks.load import plot
from benchmarks.load.table import tables

__all__ = ["part", "write"]

_PICTURE = "images/load.svg"
_CAPTION = (
    "Queries, CPU time and lag of the three hubs against the number of servers; the tables say the same"
)


def write(record: Mapping[str, Any] | None = None, docs: Path = page.DOCS) -> None:
    """Write the page's part for this run, or for the newest one."""
    record = record or records.latest("load")
    plot.draw(record, docs / _PICTURE)
    page.put("load", part(record), docs)


def part(record: Mapping[str, Any]) -> str:
    """Return what the page has of a run."""
    return f"![{_CAPTION}]({_PICTURE})\n\n{tables(record)}"
