"""Jobs that nobody wants any more but that Slurm could not be told to end: tried again until it hears.

A stop while the controller is away, or a submission that timed out and may have gone through, would
otherwise leave a job that holds a node, and is charged, until its time limit.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from slurm.errors import SlurmError
from slurm.monitor import Monitor
from slurm.records import Job
from slurm.states import JobPhase, phase

__all__ = ["Abandoned"]

Cancel = Callable[[Job], Awaitable[None]]


@dataclass(slots=True)
class _Wanted:
    """A job that is to be cancelled: whose it is, how, and how many looks without it are left."""

    user: str
    cancel: Cancel
    left: int


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
        self._wanted: dict[str, _Wanted] = {}
        self._task: asyncio.Task[None] | None = None

    @property
    def names(self) -> frozenset[str]:
        """The names of the jobs that are still to be cancelled."""
        return frozenset(self._wanted)

    def add(self, name: str, user: str, cancel: Cancel) -> None:
        """Have a user's job of this name cancelled; the name must be one that we never give twice.

        Others can give it to jobs of theirs, which must not hide the one that is meant.
        """
        self._wanted[name] = _Wanted(user, cancel, self._patience)
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
            if snapshot.jobs_problem is None and snapshot.jobs_at != before:
                jobs = {(job.name, job.user): job for job in snapshot.jobs.values()}
                for name, wanted in list(self._wanted.items()):
                    await self._settle(name, wanted, jobs.get((name, wanted.user)))

    async def _settle(self, name: str, wanted: _Wanted, job: Job | None) -> None:
        if job is None:
            wanted.left -= 1
            if wanted.left <= 0:
                del self._wanted[name]
        elif phase(job.state) in (JobPhase.ENDED, JobPhase.ENDING):
            self._log.info("Job %s (%s), which was to be cancelled, has ended", job.id, name)
            del self._wanted[name]
        else:
            try:
                await wanted.cancel(job)
            except SlurmError as error:
                self._log.warning("Job %s (%s) still not cancelled: %s", job.id, name, error)
            except Exception:  # a mistake of ours must not keep the others from being cancelled
                self._log.exception("Job %s (%s) still not cancelled", job.id, name)
