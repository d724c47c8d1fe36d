"""The start of a server: options, submission, and the wait for job and server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from jinja2.exceptions import TemplateError
from sqlalchemy.orm import object_session
from traitlets import default

import texts
from slurm.errors import SlurmError, SlurmRefused
from slurm.records import Job, Sentence
from slurm.states import JobPhase, phase
from spawner.acting import ActsAsUser, HelperRefusedError
from spawner.endings import explain_end, failure, submission_failure
from spawner.form import PATIENCE, render_form
from spawner.office import Office
from spawner.options import Options, OptionsError, Request, from_form, parse, resolve
from spawner.port import digest
from spawner.script import render_script
from spawner.settings import SpawnerSettings, ports_of
from spawner.startup import AbortedError, BootTimeoutError, JobEndedError, QueueTimeoutError, Startup
from spawner.ticket import Ticket, job_name
from texts import mark as _

__all__ = ["StartsJobs"]


class StartsJobs(SpawnerSettings):
    """The half of the spawner that ends when the server is there."""

    office: ClassVar[Office | None] = None

    def __init__(self, **kwargs: Any) -> None:
        self.ticket = Ticket()
        self.refused: OptionsError | None = None
        self.typed: dict[str, Any] = {}
        self.asker: Any = None
        self.startup: Startup | None = None
        self.ending = False
        self.resuming = False
        self._submission: asyncio.Task[None] | None = None
        super().__init__(**kwargs)

    # --- what the servers of this hub share --------------------------------------------------------

    def shared(self) -> Office:
        """Return the office, which the first server opens."""
        kind = type(self)
        if kind.office is None:
            kind.office = Office(self.config, Path(self.queues_file), self.log)
        return kind.office

    @property
    def acts(self) -> ActsAsUser:
        return ActsAsUser(self.acts_as_user, self.user.name, self.helper_timeout)

    @property
    def language(self) -> str:
        """The language of whoever looks, as far as the hub lets us know; else of whoever started it."""
        if self.handler is not None:
            self.ticket.language = texts.language_of(self.handler)
        return self.ticket.language or texts.default_language

    @property
    def token_digest(self) -> str:
        return self.ticket.token_digest

    # --- options -----------------------------------------------------------------------------------

    async def get_options_form(self) -> str:
        """Render the queue table and the fields (the hub puts them into its spawn page)."""
        return await render_form(self)

    def run_options_from_form(self, form_data: dict[str, list[str]]) -> dict[str, Any]:
        self.typed = {name: values[0] for name, values in form_data.items() if values}
        options: dict[str, Any] = self._or_refuse(partial(from_form, form_data))
        return options

    def options_from_query(self, query_data: dict[str, list[str]]) -> dict[str, Any]:
        """Fill in the form from a link, and start nothing: a link can come from anywhere, and cost money."""
        self.typed = {name: values[0] for name, values in query_data.items() if values}
        text = _("Nothing has been started yet. A link filled in the form: please check it and press Submit.")
        raise failure(self.language, Sentence(text, {}), reason="link", status=200)

    @default("apply_user_options")
    def _apply_user_options_default(self) -> Callable[[Any, dict[str, Any]], None]:
        # `start` takes them: from this hook a refusal would leave a traceback in the log.
        return lambda _spawner, _options: None

    async def take_options(self, user_options: dict[str, Any]) -> Request:
        """Check the options, from wherever they come."""
        self.asker = self.handler
        office = self.shared()
        standing = await office.standing(self.user)
        snapshot = await office.monitor.look_nodes(60, PATIENCE)
        options: Options = self._or_refuse(partial(parse, user_options, office.policy))
        request: Request = self._or_refuse(
            partial(resolve, options, office.policy, snapshot.partitions, standing)
        )
        self.default_url = "/lab" if options.interface == "lab" else "/tree"
        return request

    def _or_refuse(self, check: Callable[[], Any]) -> Any:
        try:
            return check()
        except OptionsError as error:
            self.refused = error
            raise failure(self.language, error.sentence, reason=f"option {error.field}") from error

    # --- start -------------------------------------------------------------------------------------

    async def start(self) -> tuple[str, int]:
        """Submit the job and wait for its server, however long the queue takes."""
        request = await self.take_options(self.user_options)
        self.ending = False
        name = job_name(self.hub_name, self.user.name, self.name)
        self.ticket = Ticket(name=name, token_digest=digest(self.api_token), language=self.language)
        # Before sbatch: a hub that dies while sbatch runs finds the job by this name.
        self.save()
        self._submission = asyncio.ensure_future(self._submit(request))
        # A cancelled start must not lose the id of a job that Slurm is just taking.
        await asyncio.shield(self._submission)
        return await self.follow()

    async def _submit(self, request: Request) -> None:
        name = self.ticket.name
        try:
            self.job_id = await self.acts.submit(**self.job_of(request))
        except SlurmError as error:
            self.log.warning("Job %s was not submitted: %s", name, error)
            if not isinstance(error, (SlurmRefused, HelperRefusedError)):
                # It may have gone through all the same.
                self.shared().abandoned.add(name, self.cancel_found)
            raise submission_failure(self.language, error) from error
        self.save()
        self.log.info("Job %s (%s) is submitted to %s", self.job_id, name, request.queue.name)
        self.shared().monitor.watch(self.job_id)
        self.shared().monitor.look_soon()

    def job_of(self, request: Request) -> dict[str, Any]:
        """Describe the job in the helper's words."""
        queue = request.queue
        python = self.format_string(self.notebook_python)
        try:
            script = render_script(
                Path(self.batch_script_template),
                user=self.user.name,
                queue=queue.name,
                command=[python, self.launcher, *self.get_args()],
                umask=self.umask,
                prologue=self.prologue,
            )
        except TemplateError as error:
            self.log.error("%s: %s", self.batch_script_template, error)
            raise
        return {
            "name": self.ticket.name,
            "script": script,
            "environment": self.get_env(),
            "partition": queue.partition,
            "account": request.account,
            "minutes": request.hours * 60,
            "cpus": queue.cpus,
            "memory_mb": request.memory_mb,
            "gres": request.gres,
            "exclusive": request.exclusive,
            "comment": self.format_string(self.comment) or None,
        }

    def get_env(self) -> dict[str, str]:
        """Give the hub's variables and ours; the helper adds the user's own, and nobody adds the hub's."""
        env: dict[str, str] = super().get_env()
        env["HPCHUB_BIND"] = self.bind
        env["HPCHUB_PORTS"] = self.port_range
        return {name: str(value) for name, value in env.items() if value is not None}

    async def follow(self) -> tuple[str, int]:
        """Wait for the job and its server; used by a start, and by a hub that finds the job again."""
        monitor = self.shared().monitor
        monitor.watch(self.job_id)
        self.startup = Startup(
            monitor,
            self.job_id,
            self.log,
            queue_timeout=self.queue_timeout,
            boot_timeout=self.boot_timeout,
        )
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
            stopped = Sentence(_("The server was stopped while it was starting."), {})
            raise failure(self.language, stopped, reason="stopped") from error
        except QueueTimeoutError as error:
            waited = Sentence(_("The job has waited for the longest time that this site allows."), {})
            raise failure(self.language, waited, reason="queue timeout") from error
        finally:
            self.startup = None
        self.save()
        return self.ticket.host, self.ticket.port

    def save(self) -> None:
        """Write the state to the hub's database now, not when the start is over."""
        self.orm_spawner.state = self.get_state()
        session = object_session(self.orm_spawner)
        if session is not None:
            session.commit()

    async def cancel_found(self, job: Job) -> None:
        await self.acts.cancel(job.id, job.name)

    def accept_port(self, port: int) -> str | None:
        """Take the port that the starting server reports, or say why not."""
        first, last = ports_of(self.port_range)
        if not first <= port <= last:
            return f"port {port} is outside {self.port_range}"
        if self.startup is None:
            same = self.ticket.port == port
            return None if same else "this server is not waiting for a port"
        return self.startup.accept_port(port)

    async def _ended_early(self, job: Job | None) -> Exception:
        job_id = self.job_id
        log = await self.log_tail(job_id)
        sentence = explain_end(job_id, await self.last_record(job_id, job))
        return failure(self.language, sentence, reason="job ended", log=log)

    async def last_record(self, job_id: str, job: Job | None) -> Job | None:
        """Ask the accounting database where the queue has forgotten the job."""
        if job is not None and phase(job.state) is JobPhase.ENDED:
            return job
        try:
            return await self.shared().client.ended_job(job_id) or job
        except SlurmError:
            return job

    async def log_tail(self, job_id: str) -> list[str]:
        if not self.log_tail_lines or not job_id:
            return []
        try:
            return await self.acts.log_tail(job_id, self.log_tail_lines)
        except SlurmError as error:
            self.log.warning("The log of job %s could not be read: %s", job_id, error)
            return []
