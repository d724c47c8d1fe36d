"""The figures as tables of Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from benchmarks import records
from benchmarks.page import markdown

__all__ = ["tables"]

Run = Mapping[str, Any]
Phase = Mapping[str, Any]
Column = tuple[str, Callable[[Phase], str]]


def tables(record: Mapping[str, Any]) -> str:
    """Return everything the page shows of a run, but its picture."""
    quiet = [run for run in record["runs"] if not run["crowd"]]
    parts = [
        _about(record),
        "### Quiet: servers run, and nobody does anything",
        _table(quiet, "steady", (*_QUESTIONS, *_HUB)),
        f"### {_people(record, 'starters')} wait for a job each, with the waiting page open",
        _table(quiet, "waiting", (*_QUESTIONS, *_HUB)),
        "### Restart: hub and proxy were killed; all servers answer again",
        _table(quiet, "adoption", (*_RESTART, *_HUB)),
        f"### {_people(record, 'refreshers')} open the page with the queue table, and refresh it",
        *(f"{what}:\n\n{found}" for phase, what in _LOOKS if (found := _table(quiet, phase, _REFRESH))),
    ]
    if crowded := _crowded(record):
        parts += [f"### With {crowded[0]['crowd']:,} other jobs in the queue", _comparison(record, crowded)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _people(record: Mapping[str, Any], which: str) -> str:
    return f"{record['plan'][which]} people"


def _about(record: Mapping[str, Any]) -> str:
    known = ", ".join(f"{name} {number}" for name, number in record["versions"].items() if number)
    return f"{records.about(record)}, which Slurm, hub, proxy, servers and visitors share. {known}."


# ----- columns -------------------------------------------------------------------------------------------


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.1f}"


def _lag(which: str) -> Callable[[Phase], str]:
    return lambda phase: _number(phase["lag_ms"][which])


def _cpu(phase: Phase, name: str) -> str:
    minutes = phase.get("seconds", 60.0) / 60
    return f"{phase[name] / minutes:.1f}"


_QUESTIONS: tuple[Column, ...] = (
    ("queries/min", lambda phase: _number(phase["queries_per_minute"])),
    ("calls/min", lambda phase: _number(phase["calls_per_minute"])),
)
_HUB: tuple[Column, ...] = (
    ("CPU s/min, hub", lambda phase: _cpu(phase, "cpu_seconds")),
    ("its commands", lambda phase: _cpu(phase, "cpu_seconds_children")),
    ("lag p50, ms", _lag("p50")),
    ("p99", _lag("p99")),
    ("max", _lag("max")),
    ("p99 by own work", lambda phase: _number(phase["lag_by_work_ms"]["p99"])),
)
_RESTART: tuple[Column, ...] = (
    ("seconds", lambda phase: _number(phase["seconds_to_routes"])),
    ("servers that answer", lambda phase: _number(phase["servers_answer"].get("200", 0))),
    ("queries", lambda phase: _number(phase["calls"]["queries"])),
)
_LOOKS = (
    ("opening", "Opened by one after another, over half a minute"),
    ("refresh", "Refreshed by all in one moment"),
    ("refresh_spread", "Refreshed by one after another, over ten seconds"),
)
_REFRESH: tuple[Column, ...] = (
    ("answered", lambda phase: _number(phase["answers"].get("200", 0))),
    ("queries", lambda phase: _number(phase["calls"]["queries"])),
    ("p50, ms", lambda phase: _number(phase["ms"]["p50"])),
    ("p99", lambda phase: _number(phase["ms"]["p99"])),
    ("max", lambda phase: _number(phase["ms"]["max"])),
)


# ----- tables --------------------------------------------------------------------------------------------


def _table(runs: Iterable[Run], phase: str, columns: Sequence[Column]) -> str:
    """Return one row for each run that had the phase; one that failed says why."""
    rows = []
    for run in runs:
        found = run["phases"].get(phase)
        if found is not None:
            rows.append([f"{run['servers']:,}", run["hub"], *_cells(found, columns)])
    return markdown(["servers", "hub", *(title for title, _cell in columns)], rows) if rows else ""


def _cells(phase: Phase, columns: Sequence[Column]) -> list[str]:
    if "failed" in phase and "lag_ms" not in phase:
        return [f"failed: {_one_line(phase['failed'])}", *[""] * (len(columns) - 1)]
    cells = [cell(phase) for _title, cell in columns]
    if "failed" in phase:
        cells[-1] += f" (failed: {_one_line(phase['failed'])})"
    return cells


def _one_line(text: str) -> str:
    return " ".join(text.replace("|", "/").split())[:120]


# ----- with a crowd --------------------------------------------------------------------------------------


def _crowded(record: Mapping[str, Any]) -> list[Run]:
    return [run for run in record["runs"] if run["crowd"]]


def _comparison(record: Mapping[str, Any], crowded: Sequence[Run]) -> str:
    rows = []
    for run in crowded:
        same = (run["hub"], run["servers"])
        twins = [one for one in record["runs"] if not one["crowd"] and (one["hub"], one["servers"]) == same]
        for phase, figure, unit, read in _COMPARED:
            alone = _read(twins[0]["phases"].get(phase), read) if twins else None
            crowd = _read(run["phases"].get(phase), read)
            rows.append([phase, f"{figure}, {unit}", _shown(alone), _shown(crowd), _ratio(alone, crowd)])
    return markdown(["phase", "figure", "without", "with", "ratio"], rows)


def _read(phase: Phase | None, read: Callable[[Phase], float]) -> float | None:
    return None if phase is None or "failed" in phase else read(phase)


def _shown(value: float | None) -> str:
    return "no figure" if value is None else _number(value)


def _ratio(without: float | None, crowded: float | None) -> str:
    return f"{crowded / without:.1f}" if without and crowded is not None else "–"


_COMPARED: tuple[tuple[str, str, str, Callable[[Phase], float]], ...] = (
    ("adoption", "until all routes answer", "s", lambda phase: float(phase["seconds_to_routes"])),
    ("steady", "queries", "1/min", lambda phase: float(phase["queries_per_minute"])),
    ("steady", "CPU of the hub", "s", lambda phase: float(phase["cpu_seconds"])),
    ("steady", "lag p99", "ms", lambda phase: float(phase["lag_ms"]["p99"])),
    ("refresh_spread", "p99", "ms", lambda phase: float(phase["ms"]["p99"])),
    ("waiting", "queries", "1/min", lambda phase: float(phase["queries_per_minute"])),
    ("waiting", "CPU of the hub", "s", lambda phase: float(phase["cpu_seconds"])),
    ("waiting", "lag p99", "ms", lambda phase: float(phase["lag_ms"]["p99"])),
)
