"""Jobs that bear this hub's name and belong to none of its servers: reported, and cancelled after a while.

There should be none. They come from a database that was restored from a backup, from a hub that was
removed, or from a mistake of ours; each holds a node, and is charged, until its time limit.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import Gauge

from slurm.errors import SlurmError
from slurm.monitor import Monitor
from slurm.records import Job
from slurm.states import JobPhase, phase
from spawner.ticket import word

__all__ = ["Orphan", "Orphans", "is_of_hub"]

SLOW = 600.0  # seconds without anybody's look at the jobs after which this asks for one
RETRY = 60.0  # seconds between two tries to cancel the same job
# Jobs of one user that are cancelled after one look. Anybody may submit thousands with such names, and their
# cancellations must not stand before those, and the starts, of others.
MOST_OF_ONE = 20
LOOKS = 2  # successive good looks that must show a job before it is called an orphan

ORPHANS = Gauge("hpchub_orphan_jobs", "Jobs with this hub's name that belong to none of its servers.")

Cancel = Callable[[Job], Awaitable[None]]


@dataclass(slots=True)
class Orphan:
    """A job that no server owns; `since` and `tried` are readings of the monotonic clock, in seconds."""

    job: Job
    since: float
    looks: int = 0
    tried: float | None = None

    @property
    def is_sure(self) -> bool:
        return self.looks >= LOOKS


def is_of_hub(job: Job, hub: str) -> bool:
    """Whether a job has a name that this hub gives, and is really that user's.

    Anybody may name a job as they like, but only for themselves.
    """
    parts = job.name.split("/")
    return len(parts) == 4 and parts[0] == word(hub) and parts[1] == word(job.user)


class Orphans:
    """Watches the looks that others ask for, and asks for a rare one where nobody does.

    Parameters
    ----------
    owned : callable
        Gives the names of the jobs that belong to a server, or are to be cancelled anyway.
    cancel : callable
        Cancels a job as its user; may raise `SlurmError`.
    grace : float
        Seconds from the first sight of an orphan to its cancellation; 0 never cancels.
    """

    def __init__(
        self,
        monitor: Monitor,
        log: logging.Logger,
        hub: str,
        *,
        owned: Callable[[], Collection[str]],
        cancel: Cancel,
        grace: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.grace = grace
        self._monitor, self._log, self._hub = monitor, log, hub
        self._owned, self._cancel, self._clock = owned, cancel, clock
        self._found: dict[str, Orphan] = {}
        self._seen_at: datetime | None = None
        self._task: asyncio.Task[None] | None = None

    def watch(self) -> None:
        """Begin; later calls change nothing."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._watch())

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def known(self) -> list[Orphan]:
        """The orphans, oldest sight first."""
        return sorted((one for one in self._found.values() if one.is_sure), key=lambda one: one.since)

    def left(self, orphan: Orphan) -> float | None:
        """Seconds until it is cancelled; None when that never happens."""
        return max(0.0, orphan.since + self.grace - self._clock()) if self.grace else None

    async def _watch(self) -> None:
        while True:
            if not await self._monitor.changed(SLOW):
                await self._monitor.look_jobs(SLOW)
            await self.look()

    async def look(self) -> None:
        """Take in the last good look, if it is a new one, and cancel what has been there for too long."""
        snapshot = self._monitor.snapshot
        if snapshot.jobs_problem is not None or snapshot.jobs_at in (None, self._seen_at):
            return
        self._seen_at = snapshot.jobs_at
        self._compare(snapshot.jobs)
        ORPHANS.set(len(self.known()))
        due: dict[str, list[Orphan]] = {}
        for one in self.known():
            if self.left(one) == 0 and self._may_try(one):
                due.setdefault(one.job.user, []).append(one)
        await asyncio.gather(*(self._end(one) for of_one in due.values() for one in of_one[:MOST_OF_ONE]))

    def _compare(self, jobs: Mapping[str, Job]) -> None:
        ours = [job for job in jobs.values() if is_of_hub(job, self._hub)]
        owned = frozenset(self._owned()) if ours else frozenset()
        alive = {job.id: job for job in ours if job.name not in owned and _lives(job)}
        self._found = {key: one for key, one in self._found.items() if key in alive}
        for key, job in alive.items():
            orphan = self._found.setdefault(key, Orphan(job, self._clock()))
            orphan.job = job
            orphan.looks += 1
            if orphan.looks == LOOKS:
                self._report(orphan)

    def _report(self, orphan: Orphan) -> None:
        job, left = orphan.job, self.left(orphan)
        self._log.warning(
            "Job %s (%s) of %s, %s since %s, belongs to no server of this hub: %s",
            *(job.id, job.name, job.user, job.state, job.started or job.submitted),
            "it is left alone (orphan_grace is 0)"
            if left is None
            else f"it will be cancelled in {left:.0f} s",
        )

    def _may_try(self, orphan: Orphan) -> bool:
        return orphan.tried is None or self._clock() - orphan.tried >= RETRY

    async def _end(self, orphan: Orphan) -> None:
        orphan.tried = self._clock()
        job = orphan.job
        try:
            await self._cancel(job)
        except SlurmError as error:
            self._log.warning("Job %s (%s), which nobody owns, is not cancelled: %s", job.id, job.name, error)
        except Exception:  # a mistake of ours must not end the watch over the others
            self._log.exception("Job %s (%s), which nobody owns, is not cancelled", job.id, job.name)
        else:
            self._log.warning(
                "Job %s (%s) of %s belonged to no server: cancelled", job.id, job.name, job.user
            )


def _lives(job: Job) -> bool:
    return phase(job.state) not in (JobPhase.ENDED, JobPhase.ENDING)
