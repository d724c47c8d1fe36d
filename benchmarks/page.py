"""docs/benchmarks.md: what people wrote, and between two marks what a measurement wrote."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

__all__ = ["DOCS", "NAME", "filled", "markdown", "marks", "put"]

DOCS = Path(__file__).resolve().parents[1] / "docs"
NAME = "benchmarks.md"


def marks(measurement: str) -> tuple[str, str]:
    """Return the lines that a measurement's part stands between."""
    return (
        f"<!-- {measurement}: written by `python -m benchmarks {measurement}`; changes are lost -->",
        f"<!-- {measurement}: end -->",
    )


def put(measurement: str, part: str, docs: Path = DOCS) -> None:
    """Write a measurement's part into the page."""
    page = docs / NAME
    page.write_text(filled(page.read_text(encoding="utf-8"), measurement, part), encoding="utf-8")


def filled(text: str, measurement: str, part: str) -> str:
    """Return the page with a measurement's part between its marks.

    Raises
    ------
    ValueError
        The page has lost a mark.
    """
    begin, end = marks(measurement)
    before, found_begin, rest = text.partition(begin)
    _old, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise ValueError(f"docs/{NAME} needs the lines {begin!r} and {end!r}")
    return f"{before}{begin}\n\n{part}\n{end}{after}"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]], words: int = 2) -> str:
    """Return a table; the first columns are words, and figures stand to the right."""
    lines = [head, [*["---"] * words, *["---:"] * (len(head) - words)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
