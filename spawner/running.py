"""What a server's card says: where its job runs, with what, since when, and for how long still.

Everything comes from what the monitor of this hub knows already; nothing here asks Slurm.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from slurm.records import Job, Sentence
from slurm.snapshot import JobView, Snapshot
from slurm.states import JobPhase, is_held, is_paused, phase
from spawner.ticket import Ticket
from texts import mark as _

if TYPE_CHECKING:
    from spawner.spawner import SlurmGPUSpawner

__all__ = ["Facts", "facts", "facts_of"]

_MINUTE = timedelta(minutes=1)

_SENTENCES: Final = {
    "submitting": _("The job is being submitted."),
    "waiting": _("The job waits for a place."),
    "requeued": _("The job has lost its node and waits for a place again; what ran there has ended."),
    "held": _("The job is held in the queue. An operator can release it; you can stop it."),
    "starting": _("The job has its node; the notebook server is starting."),
    "running": _("The server is running."),
    "paused": _(
        "The job is paused by Slurm. It goes on by itself, and its time limit stands still until then."
    ),
    "ending": _("The job is ending."),
    "ended": _("The job has ended."),
    "unknown": _("Slurm has not said yet how the job is. The server keeps its place."),
}


@dataclass(frozen=True, slots=True)
class Facts:
    """One server's job as it was last seen; times are aware UTC.

    Attributes
    ----------
    state : str
        One of ``submitting``, ``waiting``, ``requeued``, ``held``, ``starting``, ``running``, ``paused``,
        ``ending``, ``ended`` and ``unknown``.
    gpus, cpus, memory_mb : int
        What the job has; 0 where Slurm has not said.
    ends : datetime or None
        When Slurm will end the job; None while it has no node, and where there is no limit.
    time_left : timedelta or None
        Until `ends`. None while the job is paused as well: its clock stands still.
    near_end : bool
        Whether so little is left that people should be warned.
    as_of : datetime or None
        When Slurm was last heard about jobs; None if never.
    silent : bool
        Whether Slurm did not answer when it was asked last, so that all of this may be out of date.
    """

    job_id: str
    queue: str
    state: str
    node: str = ""
    gpus: int = 0
    cpus: int = 0
    memory_mb: int = 0
    submitted: datetime | None = None
    started: datetime | None = None
    ends: datetime | None = None
    time_left: timedelta | None = None
    near_end: bool = False
    as_of: datetime | None = None
    silent: bool = False

    @property
    def sentence(self) -> Sentence:
        """The state in words."""
        return Sentence(_SENTENCES[self.state], {})

    def age_s(self, now: datetime) -> float | None:
        """Give the seconds since Slurm was last heard; None if it never was."""
        return None if self.as_of is None else max(0.0, (now - self.as_of).total_seconds())


def facts(
    view: JobView | None,
    ticket: Ticket,
    now: datetime,
    *,
    job_id: str = "",
    queue: str = "",
    ready: bool = False,
    snapshot: Snapshot | None = None,
    warn_minutes: int = 15,
) -> Facts:
    """Say what is known of a server's job.

    Parameters
    ----------
    view : JobView or None
        None until sbatch has answered.
    ready : bool
        Whether the notebook server has been there already.
    snapshot : Snapshot or None
        Where `view` comes from; its age and problem are told.
    warn_minutes : int
        Minutes of time left below which `Facts.near_end` is true.
    """
    job = view.job if view is not None and _is_ours(view.job, ticket) else None
    state = _state(view, job, ready=ready)
    if state == "waiting" and ticket.requeues:
        state = "requeued"
    placed = job is not None and state in ("starting", "running", "paused", "unknown") and bool(job.nodes)
    ends = job.ends if job is not None and placed else None
    left = max(ends - now, timedelta(0)) if ends is not None and state != "paused" else None
    return Facts(
        job_id=job_id or (job.id if job else ""),
        queue=queue,
        state=state,
        node=job.nodes[0] if job is not None and placed else "",
        gpus=job.gpus if job else 0,
        cpus=job.cpus if job else 0,
        memory_mb=job.memory_mb if job else 0,
        submitted=job.submitted if job else None,
        started=job.started if job is not None and placed else None,
        ends=ends,
        time_left=left,
        near_end=left is not None and left < warn_minutes * _MINUTE,
        as_of=snapshot.jobs_at if snapshot else None,
        silent=snapshot is not None and snapshot.jobs_problem is not None,
    )


def facts_of(spawner: SlurmGPUSpawner) -> Facts:
    """Say what is known of a server's job now."""
    office = spawner.shared()
    return facts(
        office.monitor.fate(spawner.job_id) if spawner.job_id else None,
        spawner.ticket,
        datetime.now(UTC),
        job_id=spawner.job_id,
        queue=office.queue_of(spawner.user_options).name,
        ready=bool(spawner.ticket.host),
        snapshot=office.monitor.snapshot,
        warn_minutes=spawner.warn_minutes,
    )


def _is_ours(job: Job | None, ticket: Ticket) -> bool:
    """Whether a record is of the job we submitted: Slurm may have given its number to another since."""
    return job is not None and (not ticket.name or job.name == ticket.name)


def _state(view: JobView | None, job: Job | None, *, ready: bool) -> str:
    if view is None:
        return "submitting"
    if view.phase is JobPhase.WAITING:
        if job is not None and is_held(job.state, job.reason):
            return "held"
        return "requeued" if ready else "waiting"
    if job is None:
        return "ended" if view.phase is JobPhase.ENDED else "unknown"
    if view.phase is JobPhase.RUNNING:
        if is_paused(job.state):
            return "paused"
        return "running" if ready else "starting"
    # A record that is older than the doubt about it: the last that was known, if it was a place on a node.
    if view.phase is JobPhase.UNKNOWN and phase(job.state) is JobPhase.ENDED:
        return "ended"
    return str(view.phase.value)
