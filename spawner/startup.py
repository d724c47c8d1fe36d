"""One start: from the submitted job to the address of the server that runs in it.

Three clocks run, each for itself: waiting in the queue, booting on the node, and the job's own wall time,
which is Slurm's affair.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from slurm.monitor import JobView, Monitor
from slurm.states import JobPhase, is_paused

__all__ = ["AbortedError", "BootTimeoutError", "JobEndedError", "QueueTimeoutError", "Startup"]

HEARTBEAT = 5.0  # seconds without a look at Slurm after which a start asks for one
# Seconds for a job that is ending to be over, or back in the queue; after them its node is stuck.
ENDING_LIMIT = 60.0
# Phases in which the node is not, or no more, the one that the server has told its port from. A job that is
# set up (CONFIGURING) may still get another start time, by which a requeue is known.
_NOT_AT_WORK = (JobPhase.STARTING, JobPhase.ENDING)


class JobEndedError(Exception):
    """The job ended before its server was there; `view` is the last that was known of it."""

    def __init__(self, view: JobView) -> None:
        super().__init__(view)
        self.view = view


class AbortedError(Exception):
    """The server was stopped while it was starting."""


class QueueTimeoutError(Exception):
    """The job waited longer in the queue than the site allows."""


class BootTimeoutError(Exception):
    """The job runs, but its server has not reported within the site's limit."""


class Startup:
    """Waits for a job and its server.

    Parameters
    ----------
    queue_timeout, boot_timeout : float
        Seconds, see `spawner.settings.SpawnerSettings`.
    forgotten : callable
        Called when the reported port is one no more, because the job is back in the queue.
    """

    def __init__(
        self,
        monitor: Monitor,
        job_id: str,
        log: logging.Logger,
        *,
        queue_timeout: float,
        boot_timeout: float,
        forgotten: Callable[[], None] = lambda: None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self._monitor = monitor
        self._job_id = job_id
        self._log = log
        self._queue_timeout = queue_timeout
        self._boot_timeout = boot_timeout
        self._forgotten = forgotten
        self._port: asyncio.Future[int] = loop.create_future()
        self._submitted_at = loop.time()
        self._running_since: float | None = None
        self._ending_since: float | None = None
        self._waits_with_port: set[datetime | None] = set()
        self._last_state: tuple[str, str] | None = None

    def accept_port(self, port: int) -> str | None:
        """Take the server's port; the same one may be told twice, another one may not."""
        if self._port.done():
            if self._port.exception() is not None:
                return "this server was stopped"
            return None if self._port.result() == port else "this server has reported its port already"
        self._port.set_result(port)
        self._log.info("Job %s: its server listens on port %s", self._job_id, port)
        return None

    def abort(self) -> None:
        """End the wait, for nobody wants the server any more."""
        if not self._port.done():
            self._port.set_exception(AbortedError())

    async def address(self) -> tuple[str, int]:
        """Return the node's name and the server's port.

        Raises
        ------
        JobEndedError, QueueTimeoutError, BootTimeoutError, AbortedError
        """
        while True:
            # Begun before we read what is known: a look that ends in between must not be missed.
            look = asyncio.ensure_future(self._monitor.changed(HEARTBEAT))
            await asyncio.sleep(0)
            try:
                found = self._find()
                if found is not None:
                    return found
                waits: set[asyncio.Future[Any]] = {look} if self._port.done() else {look, self._port}
                done, _rest = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                if look in done and not look.result():
                    # A running job is looked at rarely, but this one is not at work yet: it may have died.
                    self._monitor.look_soon()
            finally:
                look.cancel()

    def _find(self) -> tuple[str, int] | None:
        """Return the address if all of it is known; raise if it never will be."""
        view = self._monitor.fate(self._job_id)
        self._note(view)
        port = self._port.result() if self._port.done() else None
        if view.phase is JobPhase.ENDED:
            raise JobEndedError(view)
        if port is not None:
            if view.phase not in _NOT_AT_WORK and view.job is not None and view.job.nodes:
                return view.job.nodes[0], port
            self._doubt_port(view)
            # The server was quicker than our look at the queue.
            self._monitor.look_soon()
        self._check_clocks(view)
        return None

    def _doubt_port(self, view: JobView) -> None:
        """Forget the port of a job that has gone back into the queue; its next server has another."""
        if view.phase is not JobPhase.WAITING or view.job is None:
            self._waits_with_port.clear()
            return
        self._waits_with_port.add(self._monitor.snapshot.jobs_at)
        # The first two looks may have begun before the report.
        if len(self._waits_with_port) > 2:
            self._log.info("Job %s is back in the queue; its server's port is forgotten", self._job_id)
            self._port = asyncio.get_running_loop().create_future()
            self._waits_with_port.clear()
            self._forgotten()

    def _check_clocks(self, view: JobView) -> None:
        now = asyncio.get_running_loop().time()
        # Each clock begins anew: what was requeued or paused has got a new chance.
        running = view.phase is JobPhase.RUNNING and not (view.job and is_paused(view.job.state))
        self._running_since = (self._running_since or now) if running else None
        self._ending_since = (self._ending_since or now) if view.phase is JobPhase.ENDING else None
        if self._running_since is not None and now - self._running_since > self._boot_timeout:
            raise BootTimeoutError
        if self._ending_since is not None and now - self._ending_since > ENDING_LIMIT:
            raise JobEndedError(view)
        if view.phase is JobPhase.WAITING and now - self._submitted_at > self._queue_timeout:
            raise QueueTimeoutError

    def _note(self, view: JobView) -> None:
        """Write one line for each change of the job's state."""
        job = view.job
        if job is None or (job.state, job.reason) == self._last_state:
            return
        if self._last_state is None or self._last_state[0] != job.state:
            where = ",".join(job.nodes) or job.reason
            self._log.info("Job %s (%s) is %s (%s)", job.id, job.name, job.state, where)
        self._last_state = (job.state, job.reason)
