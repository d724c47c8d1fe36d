"""Jobs that nobody wants any more but that Slurm could not be told to end: tried again until it hears.

A stop while the controller is away, or a submission that timed out and may have gone through, would
otherwise leave a job that holds a node, and is charged, until its time limit.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from slurm.errors import SlurmError
from slurm.monitor import Monitor
from slurm.records import Job
from slurm.states import JobPhase, phase

__all__ = ["Abandoned"]

Cancel = Callable[[Job], Awaitable[None]]


class Abandoned:
    """Cancels jobs by name, as soon as Slurm answers.

    Parameters
    ----------
    interval : float
        Seconds between two tries.
    patience : int
        Successful looks without the job after which it is taken for never submitted.
    """

    def __init__(
        self, monitor: Monitor, log: logging.Logger, *, interval: float = 10.0, patience: int = 6
    ) -> None:
        self._monitor = monitor
        self._log = log
        self._interval = interval
        self._patience = patience
        self._wanted: dict[str, tuple[Cancel, int]] = {}
        self._task: asyncio.Task[None] | None = None

    @property
    def names(self) -> frozenset[str]:
        """The names of the jobs that are still to be cancelled."""
        return frozenset(self._wanted)

    def add(self, name: str, cancel: Cancel) -> None:
        """Have the job of this name cancelled; the name must be one that is never used twice."""
        self._wanted[name] = (cancel, self._patience)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._sweep_until_done())

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _sweep_until_done(self) -> None:
        while self._wanted:
            await asyncio.sleep(self._interval)
            before = self._monitor.snapshot.jobs_at
            snapshot = await self._monitor.look_jobs(0)
            if snapshot.problem is None and snapshot.jobs_at != before:
                jobs = {job.name: job for job in snapshot.jobs.values()}
                for name in list(self._wanted):
                    await self._settle(name, jobs.get(name))

    async def _settle(self, name: str, job: Job | None) -> None:
        cancel, left = self._wanted[name]
        if job is None:
            self._wanted[name] = (cancel, left - 1)
            if left <= 1:
                del self._wanted[name]
        elif phase(job.state) in (JobPhase.ENDED, JobPhase.ENDING):
            self._log.info("Job %s (%s), which was to be cancelled, has ended", job.id, name)
            del self._wanted[name]
        else:
            try:
                await cancel(job)
            except SlurmError as error:
                self._log.warning("Job %s (%s) still not cancelled: %s", job.id, name, error)
