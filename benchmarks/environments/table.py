"""The figures as tables of Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, Final

from benchmarks import records
from benchmarks.page import markdown

__all__ = ["tables"]

Record = Mapping[str, Any]
Key = tuple[str, str]

_DONE: Final = (
    ("cold", "Bootstrap, nothing cached, solved", 30.0),
    ("cold-lock", "Bootstrap, nothing cached, from the lock file", 30.0),
    ("warm", "Bootstrap, own packages cached, solved", 5.0),
    ("warm-lock", "Bootstrap, own packages cached, from the lock file", 5.0),
    ("second", "Bootstrap of the next user, shared cache", 10.0),
    ("second-cold", "the same, page cache dropped", 10.0),
    ("reset", "Reset", 8.0),
    ("nothing", "Install of what is there: nothing to do", 1.0),
    ("install", "Install of one small package", None),
    ("second-install", "the same by the next user, shared cache", None),
    ("snapshot", "Snapshot", None),
    ("rollback", "Roll back to the state before", None),
    ("to-snapshot", "Roll back to a snapshot", None),
    ("delete", "Delete", None),
)
_HEAD: Final = (
    *("what", "channel", "s", "min", "max", "solve, install", "check"),
    *("CPU s", "others busy", "× cp -a", "target, s"),
)
_FLOOR: Final = ("cp -al", "cp -a", "rm -rf")
_MAKING: Final = ("solve", "install", "carry")
_CONDA: Final = (
    ("cold", "nothing cached, solved"),
    ("warm", "own packages cached, solved"),
    ("warm-lock", "own packages cached, from a list of packages"),
    ("nothing", "install of what is there"),
    ("install", "install of one small package"),
)
_PLACES: Final = (
    ("first", "a user without a shared cache: own packages and the environment, hard-linked"),
    ("packages", "the packages alone, in that"),
    ("second", "a user with a shared cache: packages copied from it, and the environment, hard-linked"),
    ("lent", "the shared cache, once for all"),
    ("one more state", "one more state, which Install made, without a shared cache"),
    ("second's one more state", "the same with a shared cache"),
    ("snapshot", "a snapshot, without a shared cache"),
)


def tables(record: Record) -> str:
    """Return everything the page shows of a run."""
    found = _by_case(record)
    parts = [
        _about(record),
        "### What users wait for",
        _waiting(found),
        "### The floor",
        _floor(found),
        *(["### Beside conda", _beside_conda(found)] if ("conda cold", "file") in found else []),
        "### On the disk",
        _disk(record),
    ]
    return "\n\n".join(parts) + "\n"


def _about(record: Record) -> str:
    known = ", ".join(f"{name} {number}" for name, number in record["versions"].items() if number)
    loads = record["loads"]
    others = sorted(run["others"] for run in record["runs"])
    return (
        f"{records.about(record)}, on {record['file_system']}, kernel {record['machine']['kernel']}; {known}."
        f" {len(loads)} rounds; {record['packages']} packages. The load average before the rounds was"
        f" {min(loads):.1f} to {max(loads):.1f}; during a command, whatever else ran kept"
        f" {statistics.median(others):.1f} of the cores busy (median; at most {others[-1]:.1f}), the kernel's"
        " writing and the channel's server included."
    )


def _by_case(record: Record) -> dict[Key, list[Mapping[str, Any]]]:
    found: dict[Key, list[Mapping[str, Any]]] = {}
    for run in record["runs"]:
        found.setdefault((run["case"], run["channel"]), []).append(run)
    return found


# ----- tables --------------------------------------------------------------------------------------------


def _waiting(found: Mapping[Key, Sequence[Mapping[str, Any]]]) -> str:
    rows = []
    floor = _median([run["seconds"] for run in found["cp -a", ""]])
    for case, title, target in _DONE:
        for channel in ("file", "http"):
            if runs := found.get((case, channel)):
                seconds = _figures(runs)
                making = [sum(run["steps"].get(step, 0.0) for step in _MAKING) for run in runs]
                checking = [run["steps"].get("check", 0.0) for run in runs]
                rows.append(
                    [
                        title,
                        channel,
                        *_spread(seconds),
                        _second(_median(making)),
                        _second(_median(checking)),
                        _second(_median([run["cpu"] for run in runs])),
                        f"{_median([run['others'] for run in runs]):.1f}",
                        f"{_median(seconds) / floor:.1f}",
                        _verdict(_median(seconds), target),
                    ]
                )
    return markdown([*_HEAD], rows)


def _floor(found: Mapping[Key, Sequence[Mapping[str, Any]]]) -> str:
    rows = [[f"`{case}`", *_spread(_figures(found[case, ""]))] for case in _FLOOR]
    return markdown(["the finished environment", "s", "min", "max"], rows, words=1)


def _beside_conda(found: Mapping[Key, Sequence[Mapping[str, Any]]]) -> str:
    rows = []
    for case, title in _CONDA:
        ours, theirs = found[case, "file"], found[f"conda {case}", "file"]
        alone = [run["seconds"] - run["steps"].get("check", 0.0) for run in ours]
        median = _median(_figures(theirs))
        rows.append(
            [
                title,
                *_spread(_figures(theirs)),
                _second(_median(_figures(ours))),
                f"{median / _median(_figures(ours)):.1f}",
                f"{median / _median(alone):.1f}",
            ]
        )
    head = ["what", "conda, s", "min", "max", "hpchub, s", "conda / hpchub", "without our check"]
    return markdown(head, rows, words=1)


def _disk(record: Record) -> str:
    disk = record["disk"]
    rows = [
        [title, f"{disk[name]['bytes'] / 2**20:,.0f}", f"{disk[name]['files']:,}"] for name, title in _PLACES
    ]
    return markdown(["whose", "MiB", "files and folders"], rows, words=1)


# ----- figures -------------------------------------------------------------------------------------------


def _figures(runs: Sequence[Mapping[str, Any]]) -> list[float]:
    return [float(run["seconds"]) for run in runs]


def _median(values: Sequence[float]) -> float:
    return statistics.median(values)


def _spread(seconds: Sequence[float]) -> list[str]:
    return [_second(_median(seconds)), _second(min(seconds)), _second(max(seconds))]


def _second(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def _verdict(seconds: float, target: float | None) -> str:
    if target is None:
        return "–"
    return f"{target:.0f}: {'met' if seconds < target else 'missed'}"
