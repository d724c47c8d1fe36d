"""The jobs of actions, as Slurm shows them: one look for everybody, and only while somebody looks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from services.environments.jobs import Named, named
from slurm.client import SlurmClient
from slurm.errors import SlurmError
from slurm.monitor import Monitor
from slurm.records import Job
from slurm.snapshot import Snapshot
from slurm.states import JobPhase, phase

__all__ = ["Found", "Line"]

T = TypeVar("T")

_PATIENCE: Final = 8.0
_REMEMBERED: Final = 1000
_ACCOUNTING: Final = 4.0  # seconds that a page waits for the accounting
_REST: Final = 60.0  # seconds in which nobody asks it again, once it did not answer
# Of a job that it does not know: it hears of an end a moment later, and never of one that it has thrown away.
_SOON: Final = 2.0  # seconds
_SELDOM: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Found:
    """A job of an action."""

    named: Named
    job: Job


class Line:
    """What Slurm has of our jobs.

    Parameters
    ----------
    hub : str
        The name by which this hub's jobs are known.
    clock : callable
        Monotonic seconds.
    """

    def __init__(self, monitor: Monitor, hub: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._monitor, self._hub, self._clock = monitor, hub, clock
        self._jobs: Mapping[str, Job] = {}
        self._index: dict[str, dict[str, Found]] = {}
        self._ends: dict[str, Job] = {}
        self._seen: dict[str, Job] = {}
        self._unknown: dict[str, tuple[float, float]] = {}
        self._rests_until = 0.0

    @property
    def client(self) -> SlurmClient:
        return self._monitor.client

    @property
    def snapshot(self) -> Snapshot:
        return self._monitor.snapshot

    @property
    def looked_at(self) -> float | None:
        """Unix seconds of the last good look; None while Slurm does not answer."""
        snapshot = self._monitor.snapshot
        return None if snapshot.jobs_problem or snapshot.jobs_at is None else snapshot.jobs_at.timestamp()

    async def look(self, max_age: float) -> None:
        """Have a look no older than so many seconds, if Slurm may be asked; never raises."""
        await self._monitor.look_jobs(max_age, _PATIENCE)

    async def look_at_nodes(self) -> None:
        await self._monitor.look_nodes(60.0, _PATIENCE)

    def of(self, user: str) -> Mapping[str, Found]:
        """Return the jobs of a user's actions, by action."""
        jobs = self._monitor.snapshot.jobs
        if jobs is not self._jobs:
            # Once a look, not once for each who reads it: there may be ten thousand jobs.
            self._jobs, self._index = jobs, {}
            for job in jobs.values():
                if (name := named(self._hub, job)) is not None:
                    self._index.setdefault(job.user, {})[name.action] = Found(name, job)
                    self._remember(name.action, job)
        return self._index.get(user, {})

    def _remember(self, action: str, job: Job) -> None:
        if phase(job.state) is JobPhase.ENDED:
            _keep(self._seen, action, job)

    def ended(self, action: str, user: str) -> Job | None:
        """Return an action's job as Slurm showed it at its end, though it may have forgotten it since."""
        job = self._seen.get(action)
        return job if job is not None and job.user == user else None

    async def end_of(self, job_id: str) -> Job | None:
        """Return how a job ended that Slurm's controller has forgotten; None where nobody knows."""
        if job_id in self._ends:
            return self._ends[job_id]
        asked, (until, rest) = self._clock(), self._unknown.get(job_id, (0.0, _SOON))
        if asked < max(until, self._rests_until):
            return None
        try:
            async with asyncio.timeout(_ACCOUNTING):
                end = await self.client.ended_job(job_id)
        except (SlurmError, TimeoutError):
            # A page may ask for twenty, one after the other; and it knows how they ended but for a word.
            self._rests_until = self._clock() + _REST
            return None
        if end is None or phase(end.state) is not JobPhase.ENDED:
            _keep(self._unknown, job_id, (asked + rest, min(2 * rest, _SELDOM)))
            return None
        self._unknown.pop(job_id, None)
        _keep(self._ends, job_id, end)
        return end

    async def close(self) -> None:
        await self._monitor.close()


def _keep(kept: dict[str, T], key: str, value: T) -> None:
    """Note something, and forget what was noted first of too many."""
    kept[key] = value
    if len(kept) > _REMEMBERED:
        del kept[next(iter(kept))]
