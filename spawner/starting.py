"""The start of a server: submission, and the wait for job and server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy.orm import object_session

from environments.problems import Problem
from slurm.acting import FolderError, HelperRefusedError
from slurm.errors import SlurmError, SlurmRefused
from slurm.records import Job, Sentence
from slurm.snapshot import JobView
from slurm.states import JobPhase, phase
from spawner.certificates import certificates
from spawner.choosing import TakesOptions
from spawner.endings import explain_end, failure, submission_failure
from spawner.entering import variables
from spawner.job import job_of
from spawner.options import Request
from spawner.port import digest
from spawner.requeue import look_for_new_run, start_of
from spawner.settings import ports_of
from spawner.startup import AbortedError, BootTimeoutError, JobEndedError, QueueTimeoutError, Startup
from spawner.ticket import Ticket, job_name
from texts import mark as _

if TYPE_CHECKING:
    from spawner.spawner import SlurmGPUSpawner

__all__ = ["StartsJobs"]


class StartsJobs(TakesOptions):
    """The part of the spawner that ends when the server is there."""

    async def start(self) -> tuple[str, int]:
        """Submit the job and wait for its server, however long the queue takes."""
        request = await self.take_options(self.user_options)
        self.ending = False
        name = job_name(self.hub_name, self.user.name, self.name)
        self.ticket = Ticket(
            name=name,
            token_digest=digest(self.api_token),
            language=self.language,
            environment=request.environment,
            secure=self.internal_ssl,
            abandoned=self.ticket.abandoned,
        )
        # Before sbatch: a hub that dies while sbatch runs finds the job by this name.
        self.save()
        self._submission = asyncio.ensure_future(self._submit(request))
        # A cancelled start must not lose the id of a job that Slurm is just taking.
        await asyncio.shield(self._submission)
        return await self.follow()

    async def _submit(self, request: Request) -> None:
        name = self.ticket.name
        try:
            await self._in_turn(request)
        except asyncio.CancelledError:
            if not self.ending:
                raise
            # Stopped while it stood in line: nothing was submitted.
            raise self._stopped() from None
        except SlurmError as error:
            self.log.warning("Job %s was not submitted: %s", name, error)
            if not isinstance(error, (SlurmRefused, HelperRefusedError, FolderError)):
                # It may have gone through all the same.
                self.abandon(name)
            raise submission_failure(self.language, error) from error
        self.save()
        self.log.info("Job %s (%s) is submitted to %s", self.job_id, name, request.queue.name)
        self.shared().monitor.watch(self.job_id, name=self.ticket.name)
        self.shared().monitor.look_soon()

    async def _in_turn(self, request: Request) -> None:
        """Submit when it is this server's turn; a class that starts together stands in line."""
        turns = self.shared().turns
        self.turn = turns.ask(self.user.name)
        async with turns.held_by(self.turn):
            certified = await certificates(self, request)
            self.job_id = await self.acts.submit(**self._job(request), **certified)

    def _job(self, request: Request) -> dict[str, Any]:
        try:
            return job_of(self, request)
        except Problem as problem:
            # A word of the site's file that no runtime can be told.
            raise failure(self.language, problem.sentence, reason=problem.code, status=500) from problem

    def _stopped(self) -> Exception:
        sentence = Sentence(_("The server was stopped while it was starting."), {})
        return failure(self.language, sentence, reason="stopped")

    async def create_certs(self) -> dict[str, str]:
        """Make none yet: the queue and its nodes are known when the job is submitted, see `certificates`."""
        return {}

    def get_env(self) -> dict[str, str]:
        """Give the hub's variables and ours; the helper adds the user's own, and nobody adds the hub's."""
        env: dict[str, str] = super().get_env()
        env["HPCHUB_BIND"] = self.bind
        env["HPCHUB_PORTS"] = self.port_range
        env.update(variables(self))
        return {name: str(value) for name, value in env.items() if value is not None}

    async def follow(self) -> tuple[str, int]:
        """Wait for the job and its server; used by a start, and by a hub that finds the job again."""
        monitor = self.shared().monitor
        monitor.watch(self.job_id, name=self.ticket.name)
        self.startup = Startup(
            monitor,
            self.job_id,
            self.log,
            queue_timeout=self.queue_timeout,
            boot_timeout=self.boot_timeout,
            forgotten=self._forget_port,
        )
        if self.ticket.port:
            # The hub before this one took the report, and went away before it had the node.
            self.startup.accept_port(self.ticket.port)
        try:
            self.ticket.host, self.ticket.port = await self.startup.address()
        except JobEndedError as error:
            raise await self._ended_early(error.view.job) from error
        except BootTimeoutError as error:
            text = _("The job runs, but its notebook server has not answered for %(seconds)s seconds.")
            late = Sentence(text, {"seconds": self.boot_timeout})
            log = await self.log_tail(self.job_id)
            raise failure(self.language, late, reason="boot timeout", log=log) from error
        except AbortedError as error:
            raise self._stopped() from error
        except QueueTimeoutError as error:
            waited = Sentence(_("The job has waited for the longest time that this site allows."), {})
            raise failure(self.language, waited, reason="queue timeout") from error
        finally:
            self.startup = None
        job = self.view().job
        self.ticket.started = start_of(job) if job is not None else ""
        self.save()
        return self.ticket.host, self.ticket.port

    def view(self) -> JobView:
        """What is known of the job."""
        return self.shared().monitor.fate(self.job_id)

    def save(self) -> None:
        """Write the state to the hub's database now, not when the start is over."""
        self.orm_spawner.state = self.get_state()
        session = object_session(self.orm_spawner)
        if session is not None:
            session.commit()

    async def take_port(self, port: int) -> str | None:
        """Take the port that the server reports, or say why not.

        Raises
        ------
        AskAgainError
            It is not known yet whether the server is one that is awaited.
        """
        first, last = ports_of(self.port_range)
        if not first <= port <= last:
            return f"port {port} is outside {self.port_range}"
        if self.startup is None:
            await look_for_new_run(cast("SlurmGPUSpawner", self))
        if self.startup is None:
            same = self.ticket.port == port
            return None if same else "this server is not waiting for a port"
        refusal = self.startup.accept_port(port)
        if refusal is None and self.ticket.port != port:
            # Before the answer: the server will not tell it twice.
            self.ticket.port = port
            self.save()
        return refusal

    def _forget_port(self) -> None:
        self.ticket.port = 0
        self.save()

    async def _ended_early(self, job: Job | None) -> Exception:
        job_id = self.job_id
        log = await self.log_tail(job_id)
        sentence = explain_end(job_id, await self.last_record(job_id, job), self.ticket.environment)
        return failure(self.language, sentence, reason="job ended", log=log)

    async def last_record(self, job_id: str, job: Job | None) -> Job | None:
        """Ask the accounting database where the queue has forgotten the job, or not how it failed."""
        known = job is not None and phase(job.state) is JobPhase.ENDED
        if job is not None and known and (job.exit_code or job.state != "FAILED"):
            return job
        try:
            record = await self.shared().client.ended_job(job_id)
        except SlurmError:
            return job
        # The database may be behind.
        is_last = record is not None and (not known or phase(record.state) is JobPhase.ENDED)
        return record if is_last else job

    async def log_tail(self, job_id: str) -> list[str]:
        if not self.log_tail_lines or not job_id:
            return []
        try:
            return await self.acts.log_tail(job_id, self.log_tail_lines)
        except SlurmError as error:
            self.log.warning("The log of job %s could not be read: %s", job_id, error)
            return []
