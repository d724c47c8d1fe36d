"""Reads the end of a job's log for a page: as the user, one at a time for each, and never for long."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

from slurm.errors import SlurmError

__all__ = ["JobLogs", "LogTail"]

FRESH = 2.0  # seconds for which what was read is good enough for whoever asks again
PATIENCE = 10.0  # seconds that a page waits for a log; the reading itself has the helper's time limit


class Reads(Protocol):
    """The part of `ActsAsUser` that reads a log."""

    async def log_tail(self, job_id: str, lines: int) -> list[str]:
        """Return the last lines; none where there is no log."""


@dataclass(frozen=True, slots=True)
class LogTail:
    """The last lines of a log, or why there are none: ``problem`` is ``slow`` or ``unreadable``."""

    lines: tuple[str, ...] = ()
    problem: str = ""
    detail: str = ""


@dataclass(slots=True)
class _Reading:
    job_id: str
    task: asyncio.Task[LogTail]
    began: float


class JobLogs:
    """The logs that are being read, at most one for each user.

    A page that many have open, or that one keeps reloading, starts no more helpers than this allows.
    """

    def __init__(self, fresh: float = FRESH, patience: float = PATIENCE) -> None:
        self._fresh, self._patience = fresh, patience
        self._readings: dict[str, _Reading] = {}

    async def tail(self, reads: Reads, user: str, job_id: str, lines: int) -> LogTail:
        """Give the end of a job's log as it was at most `fresh` seconds ago."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience
        while True:
            self._forget_old(loop.time())
            reading = self._readings.get(user)
            if reading is None:
                task = loop.create_task(_read(reads, job_id, lines))
                reading = self._readings[user] = _Reading(job_id, task, loop.time())
            done, _rest = await asyncio.wait({reading.task}, timeout=max(0.0, deadline - loop.time()))
            if not done:
                return LogTail(problem="slow")
            if reading.job_id == job_id:
                return reading.task.result()
            # The user's other log was being read; that is over now, and ours is next.
            if self._readings.get(user) is reading:
                del self._readings[user]

    def _forget_old(self, now: float) -> None:
        over = [
            user for user, one in self._readings.items() if one.task.done() and now - one.began >= self._fresh
        ]
        for user in over:
            del self._readings[user]


async def _read(reads: Reads, job_id: str, lines: int) -> LogTail:
    try:
        return LogTail(tuple(await reads.log_tail(job_id, lines)))
    except SlurmError as error:
        return LogTail(problem="unreadable", detail=error.message)
