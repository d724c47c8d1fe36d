"""Whether a process still does anything: seen from outside, for it may be stuck and cannot say so."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["Life", "Signs", "is_alive"]

BUSY_SHARE: Final = 0.2
TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Signs:
    """What a process has done so far: bytes moved through files, and seconds of processor time."""

    at: float
    bytes: int
    seconds: float


class Life:
    """Knows when a child showed a sign of life last."""

    def __init__(self, pid: int, now: float) -> None:
        self._pid = pid
        self._last = now
        self._signs = Signs(now, 0, 0.0)

    def heard(self) -> None:
        self._last = time.monotonic()

    def last(self, now: float) -> float:
        if now - self._signs.at >= 1:
            signs = _signs(self._pid, now)
            if signs is not None:
                if is_alive(self._signs, signs):
                    self._last = now
                self._signs = signs
        return self._last


def is_alive(before: Signs, after: Signs) -> bool:
    """Tell whether a process did anything; waking up now and then to look is nothing."""
    work = (after.seconds - before.seconds) / max(after.at - before.at, 0.001)
    return after.bytes > before.bytes or work >= BUSY_SHARE


def _signs(pid: int, now: float) -> Signs | None:
    try:
        moved = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return Signs(now, int(moved["wchar"]), (int(words[11]) + int(words[12])) / TICKS)
    except (OSError, ValueError, KeyError, IndexError):
        return None
