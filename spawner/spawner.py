"""Starts a notebook server as a Slurm job, follows it, and gives the node back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from slurm.errors import SlurmError
from slurm.records import Sentence
from slurm.snapshot import JobView
from slurm.states import JobPhase
from spawner import resume
from spawner.card import Card, card_of
from spawner.endings import explain_end
from spawner.leaving import replace_logout
from spawner.pages import register as register_pages
from spawner.port import replace_batchspawner_route
from spawner.progress import describe
from spawner.requeue import has_moved, wait_again
from spawner.services import wait_for_services_as_a_client
from spawner.starting import StartsJobs
from spawner.ticket import Ticket
from spawner.waking import open_with_the_hub

__all__ = ["SlurmGPUSpawner"]

# batchspawner registers a route of its own when it is imported, and the hub's logout knows nothing of queues.
replace_batchspawner_route()
replace_logout()
wait_for_services_as_a_client()
open_with_the_hub()
register_pages()

OVER = (JobPhase.ENDING, JobPhase.ENDED)
OUTLIVES = ("language", "last_end", "abandoned", "presets")  # what of the state is not about one job
RETRY_PAUSE = 2.0  # seconds between two tries to cancel
LONGEST_SILENCE = 20.0  # seconds after which the waiting page hears something even if nothing changed


class SlurmGPUSpawner(StartsJobs):
    """A notebook server in a Slurm job, on a queue that the user picked."""

    # --- is it there? ------------------------------------------------------------------------------

    async def poll(self) -> int | None:
        """Say whether the server is there (None) or not; only a successful answer of Slurm can end it."""
        if resume.is_needed(self):
            return await resume.find_again(self)
        if not self.job_id:
            return None if self._submitting() else 0
        view = self.view()
        if has_moved(self.ticket, view):
            # Not now: whoever asks may be about to stop the server.
            asyncio.get_running_loop().call_soon(wait_again, self)
        if view.phase is not JobPhase.ENDED:
            return None
        await self._remember_end(view)
        return 1

    async def get_url(self) -> str:
        """Say where the server is; the hub asks after a restart, when it may have missed the report."""
        if not self.ticket.host:
            return str(self.server.url)
        proto = "https" if self.ticket.secure else "http"
        return f"{proto}://{self.ticket.host}:{self.ticket.port}{self.server.base_url}"

    def _submitting(self) -> bool:
        return self._submission is not None and not self._submission.done()

    async def _remember_end(self, view: JobView) -> None:
        """Keep the reason for the pages: the server's own page is gone by the time its user looks."""
        if self.ending or self.ticket.last_end:
            return
        record = await self.last_record(self.job_id, view.job)
        self.keep_end(explain_end(self.job_id, record, self.ticket.environment))

    def keep_end(self, sentence: Sentence) -> None:
        self.log.info("Job %s (%s) has ended: %s", self.job_id, self.ticket.name, sentence)
        self.ticket.last_end = {
            "job_id": self.job_id,
            "msgid": sentence.msgid,
            "params": sentence.params,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            **({"environment": self.ticket.environment} if self.ticket.environment else {}),
        }

    # --- stop --------------------------------------------------------------------------------------

    async def stop(self, now: bool = False) -> None:  # noqa: FBT001, FBT002 - the hub's signature
        """Cancel the job; where Slurm does not answer in time, go on trying in the background."""
        self.ending = True
        if self.turn is not None:
            self.turn.leave()
        try:
            if self._submission is not None:
                await asyncio.wait({self._submission})
            if not self.job_id:
                return
            if self.startup is not None:
                self.startup.abort()
            heard = await self._cancel()
        except asyncio.CancelledError:
            # The hub goes down, and forgets the server all the same: the next one goes on with it.
            self.abandon(self.ticket.name)
            raise
        if heard:
            self.log.info("Job %s (%s) is cancelled", self.job_id, self.ticket.name)
            if not now:
                await self._until_over()
        else:
            self.abandon(self.ticket.name)

    async def _cancel(self) -> bool:
        """Tell Slurm; the line before it, and a scancel that hangs, count as silence of Slurm's."""
        try:
            async with asyncio.timeout(self.stop_timeout):
                while not await self._is_cancelled():  # noqa: ASYNC110 - each round asks Slurm
                    await asyncio.sleep(RETRY_PAUSE)
        except TimeoutError:
            self.log.warning("Job %s: Slurm has not heard the cancellation yet", self.job_id)
            return False
        return True

    async def _is_cancelled(self) -> bool:
        try:
            await self.shared().cancel(self.acts, self.user.name, self.job_id, self.ticket.name)
        except SlurmError as error:
            self.log.warning("Job %s could not be cancelled: %s", self.job_id, error)
            return False
        return True

    async def _until_over(self) -> None:
        """Wait for Slurm to say so, for as long as a stop may take; the cancellation itself is done."""
        monitor = self.shared().monitor
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.stop_timeout
        while monitor.fate(self.job_id).phase not in OVER and loop.time() < deadline:
            monitor.look_soon()
            await monitor.changed(RETRY_PAUSE)

    # --- what the page hears -----------------------------------------------------------------------

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """Yield an event for each change while the server starts (the hub ends the iteration)."""
        last: dict[str, Any] = {}
        loop = asyncio.get_running_loop()
        spoke = 0.0
        while True:
            event = self.describe()
            if _essence(event) != _essence(last) or loop.time() - spoke > LONGEST_SILENCE:
                last, spoke = event, loop.time()
                yield event
            if event["phase"] in ("line", "submitting"):
                # A class in line is a hundred of these.
                await asyncio.sleep(1.0 if event["phase"] == "line" else 0.1)
            else:
                await self.shared().monitor.changed(5)

    @property
    def last_progress(self) -> dict[str, Any]:
        """What the waiting page shows before its stream begins, and without JavaScript."""
        return self.describe()

    def describe(self) -> dict[str, Any]:
        """Describe the starting server in its user's language."""
        office = self.shared()
        queue = office.queue_of(self.user_options)
        return describe(
            self.language,
            self.job_id,
            queue.name,
            office.monitor.fate(self.job_id) if self.job_id else None,
            ahead=office.monitor.ahead(self.job_id) if self.job_id else None,
            partition=office.monitor.snapshot.partitions.get(queue.partition),
            asked_at=office.monitor.snapshot.jobs_at,
            silent=office.monitor.snapshot.jobs_problem is not None,
            in_line=self.turn.ahead if self.turn is not None and self.turn.waits else None,
            requeued=self.ticket.requeues > 0,
            boot_timeout=self.boot_timeout,
        )

    @property
    def card(self) -> Card:
        """What the home page shows of this server."""
        return card_of(self)

    # --- what survives -----------------------------------------------------------------------------

    def load_state(self, state: dict[str, Any]) -> None:
        if self.orm_spawner is not None and self.orm_spawner.server is None:
            # What a stop that did not come to its end has left: such a job is nobody's, see `orphans`.
            state = {key: value for key, value in state.items() if key in OUTLIVES}
        super().load_state(state)
        self.ticket = Ticket.from_state(state)
        if self.job_id:
            self.shared().monitor.watch(self.job_id, name=self.ticket.name, just_submitted=False)

    def get_state(self) -> dict[str, Any]:
        left = self.office.abandoned.names if self.office is not None else frozenset(self.ticket.abandoned)
        self.ticket.abandoned = [name for name in self.ticket.abandoned if name in left]
        return {**super().get_state(), **self.ticket.to_state()}

    def clear_state(self) -> None:
        if self.job_id and self.office is not None:
            self.office.monitor.unwatch(self.job_id)
        super().clear_state()
        old = self.ticket
        self.ticket = Ticket(language=old.language, last_end=old.last_end, abandoned=old.abandoned)

    # --- batchspawner's own verbs, which would go through a shell -----------------------------------

    async def submit_batch_script(self) -> str:
        raise NotInUseError("submit_batch_script", "start")

    async def query_job_status(self) -> Any:
        raise NotInUseError("query_job_status", "poll")

    async def cancel_batch_job(self) -> None:
        await self.shared().cancel(self.acts, self.user.name, self.job_id, self.ticket.name)


class NotInUseError(RuntimeError):
    """A verb of batchspawner was called that this spawner has another for."""

    def __init__(self, verb: str, ours: str) -> None:
        super().__init__(f"SlurmGPUSpawner runs no shell commands: use {ours}() instead of {verb}()")


def _essence(event: dict[str, Any]) -> dict[str, Any]:
    """Leave out what changes without news: the time of the look."""
    return {key: value for key, value in event.items() if key != "as_of"}
