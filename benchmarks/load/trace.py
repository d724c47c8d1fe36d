"""Reads what the probe inside a hub wrote."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.load.figures import as_met, milliseconds

__all__ = ["Trace", "read"]

Line = dict[str, Any]
EVERY = 0.01  # seconds between two looks of the probe
_BIRTH: Line = {"own": 0.0, "children": 0.0}


@dataclass(frozen=True)
class Trace:
    """The probe's lines, one a second, oldest first, and the hub's process id as it sees itself."""

    pid: int
    lines: Sequence[Line]

    def between(self, began: float, ended: float) -> dict[str, Any]:
        """Return lag and CPU time of a stretch, given as seconds since the epoch.

        A second that only partly belongs to it counts where it ended. CPU time of children is known when
        they have ended.
        """
        inside = [line for line in self.lines if began <= line["at"] < ended]
        before = [line for line in self.lines if line["at"] < began][-1:]
        if not inside:
            raise ValueError("the hub's probe wrote nothing: its event loop hung the whole time, or it ended")
        first, last = before[0] if before else _BIRTH, inside[-1]
        late = [value / 1e6 for line in inside for value in line["late_us"]]
        work = [value / 1e6 for line in inside for value in line["work_us"]]
        own = [min(pair) for pair in zip(late, work, strict=True)]
        return {
            "lag_ms": milliseconds(as_met(late, EVERY)),
            # What of the lag the loop's own work made; the rest is other programs' turn on this machine.
            "lag_by_work_ms": milliseconds(as_met(own, EVERY)),
            "cpu_seconds": round(last["own"] - first["own"], 3),
            "cpu_seconds_children": round(last["children"] - first["children"], 3),
            "memory_mib": last["memory_mib"],
        }


def read(path: Path) -> Trace:
    """Read a probe's file; a last line that is not complete yet is left for the next time."""
    text = path.read_text() if path.exists() else ""
    lines = [json.loads(line) for line in text.split("\n")[:-1]]
    return Trace(lines[0]["pid"] if lines else 0, lines[1:])
