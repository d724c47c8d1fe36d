"""What happened in one action, line by line, in a file of the user's: written while it runs, read by all.

A line is one JSON object (`environments.records.Event`) and one write(2) to a file opened for appending, so a
reader never sees half of one but at the very end. The file is the user's own, who may have put anything into
it: who reads it takes what it understands, and no more of it at once than it asked for.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from environments.reading import read_bytes
from environments.records import Event, Progress

__all__ = ["AT_ONCE", "KEPT", "Journal", "first_and_last", "prune", "read"]

AT_ONCE: Final = 128 * 1024
"""Bytes that one `read` looks at; no line is longer."""

KEPT: Final = 200
"""Journals that a user keeps; older ones are removed by the next action."""

LONGEST_LINE: Final = 2000
LONGEST_DETAILS: Final = 20_000
MOST_LINES: Final = 4000
PAUSE: Final = 0.2
KINDS: Final = frozenset({"begin", "progress", "line", "end"})


class Journal:
    """Writes one action's journal.

    Its `tell` is quick and never raises: an action does not fail because its journal cannot be written.

    Parameters
    ----------
    path : Path
        Made here, with the folders above it. It must not be there yet.

    Raises
    ------
    OSError
        When it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o600)
        self._lines = 0
        self._last = 0.0
        self._step = ""
        self._held_back: Progress | None = None

    def begin(self, about: Mapping[str, Any]) -> None:
        """Say who does what, where. `about`: action, host, job, pid, user."""
        self._write("begin", about)

    def tell(self, heard: Progress | str) -> None:
        """Write progress, at most five lines a second within a step, or a line that a tool said."""
        if isinstance(heard, str):
            return self._line(heard)
        now = time.monotonic()
        if heard.step == self._step and now - self._last < PAUSE:
            self._held_back = heard
            return None
        self._flush() if heard.step != self._step else None
        self._progress(heard, now)
        return None

    def end(self, about: Mapping[str, Any]) -> None:
        """Say what came of it. `about`: result, problem, packages, generation, seconds, notes."""
        self._flush()
        self._write("end", about)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _line(self, text: str) -> None:
        self._lines += 1
        if self._lines < MOST_LINES:
            self._write("line", {"text": text[:LONGEST_LINE]})
        elif self._lines == MOST_LINES:
            self._write("line", {"text": "..."})

    def _flush(self) -> None:
        if self._held_back is not None:
            self._progress(self._held_back, time.monotonic())

    def _progress(self, heard: Progress, now: float) -> None:
        self._step, self._last, self._held_back = heard.step, now, None
        self._write("progress", asdict(heard))

    def _write(self, kind: str, about: Mapping[str, Any]) -> None:
        line = json.dumps({"kind": kind, "at": round(time.time(), 3), "about": about}, default=str)
        try:
            os.write(self._file, line.encode() + b"\n")
        except OSError:
            pass  # a full disk; what it stopped says so itself


def read(path: Path, after: int = 0) -> tuple[list[Event], int]:
    """Return what a journal says from byte `after` on, at most `AT_ONCE` bytes of it, and where to go on.

    What is no event is passed over; a last line that is not whole yet is left for the next time. A file that
    is not there, cannot be read or is no plain file says nothing.
    """
    raw = read_bytes(path, AT_ONCE, after) or b""
    whole = raw.rfind(b"\n") + 1
    if not whole and len(raw) == AT_ONCE:
        return [], after + len(raw)  # not a line of ours, whatever it is
    return [event for line in raw[:whole].splitlines() if (event := _event(line))], after + whole


def first_and_last(path: Path) -> tuple[Event | None, Event | None]:
    """Return how an action began, and how it ended, if it says so; reads the two ends of the file only."""
    head = read_bytes(path, AT_ONCE) or b""
    first = _event(head.split(b"\n", 1)[0])
    tail = head if len(head) < AT_ONCE else (read_bytes(path, AT_ONCE, -AT_ONCE) or b"")
    lines = tail[: tail.rfind(b"\n") + 1].splitlines()
    last = _event(lines[-1]) if lines else None
    return (
        first if first and first.kind == "begin" else None,
        last if last and last.kind == "end" else None,
    )


def prune(folder: Path, keep: int = KEPT) -> None:
    """Remove all but the newest journals of a folder."""
    try:
        found = [entry for entry in os.scandir(folder) if entry.name.endswith(".jsonl")]
        found.sort(key=lambda entry: entry.stat(follow_symlinks=False).st_mtime, reverse=True)
        for entry in found[keep:]:
            os.unlink(entry.path)
    except OSError:
        pass  # somebody else does it at the same time, or it is none of our folders


def _event(line: bytes) -> Event | None:
    try:
        raw = json.loads(line)
        kind, at, about = raw["kind"], float(raw["at"]), raw["about"]
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return None
    if not isinstance(kind, str) or kind not in KINDS or not isinstance(about, dict):
        return None
    return Event(kind, at, about)  # type: ignore[arg-type]  # just looked up
