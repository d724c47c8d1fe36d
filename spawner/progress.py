"""What the waiting page is told: one event for each change."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from slurm.monitor import JobView
from slurm.reasons import explain
from slurm.records import Partition, Sentence
from slurm.states import JobPhase, is_held, is_paused
from texts import mark as _
from texts import say

__all__ = ["describe"]

Event = dict[str, Any]

SLOW = 60.0  # seconds on the node after which people wonder whether anything still happens

_PHASE_TEXTS = {
    JobPhase.STARTING: _("Job %(job)s has its node; the node is being made ready."),
    JobPhase.RUNNING: _("Job %(job)s runs on %(node)s; the notebook server is starting."),
    JobPhase.ENDING: _("Job %(job)s is ending."),
    JobPhase.ENDED: _("Job %(job)s has ended."),
    JobPhase.UNKNOWN: _("Job %(job)s: Slurm does not answer at the moment. The job keeps its place."),
}
_HELD = _("Job %(job)s is held; an operator can release it. You can wait for that, or cancel.")
_HELD_AGAIN = _(
    "Job %(job)s lost its node, and Slurm holds it: it starts again only when an operator releases it. "
    "You can wait for that, or cancel and start another server."
)
_REQUEUED = _(
    "Job %(job)s lost its node and is back in the queue: %(reason)s. It starts again by itself. "
    "What ran in it is gone; saved files are not."
)
_PAUSED = _("Job %(job)s is paused by Slurm. It goes on by itself, and its server starts then.")
_SLOW = _(
    "Job %(job)s runs on %(node)s, and its server is still starting. "
    "Where the file system is busy this may take up to %(minutes)s minutes."
)
# Waiting has no measure, so no number: the page shows a bar without one.
_PROGRESS = {JobPhase.STARTING: 40, JobPhase.RUNNING: 60}


def describe(
    lang: str,
    job_id: str,
    queue: str,
    view: JobView | None,
    *,
    ahead: int | None,
    partition: Partition | None,
    asked_at: datetime | None,
    silent: bool = False,
    in_line: int | None = None,
    requeued: bool = False,
    boot_timeout: float = 0.0,
    now: datetime | None = None,
) -> Event:
    """Describe a starting server as an event of the hub's progress stream.

    Parameters
    ----------
    view : JobView or None
        None until sbatch has answered.
    asked_at : datetime or None
        When Slurm was last heard.
    silent : bool
        Whether Slurm did not answer when it was asked last.
    in_line : int or None
        How many submissions go before this one, while it stands in line.
    requeued : bool
        Whether Slurm has put the job back into the queue before.
    boot_timeout : float
        Seconds that the server may take on its node; 0 says nothing of it.
    """
    if in_line is not None:
        return {"message": say(lang, _in_line(in_line)), "phase": "line", "queue": queue, "ahead": in_line}
    if view is None or not job_id:
        text = Sentence(_("The job is being submitted to the queue “%(queue)s”."), {"queue": queue})
        return {"message": say(lang, text), "phase": "submitting", "queue": queue}
    reason = _reason(view, partition)
    event = _event(lang, job_id, queue, view, reason, ahead)
    event["as_of"] = _iso(asked_at)
    sentence = _sentence(job_id, view, reason, silent=silent, requeued=requeued)
    if not silent and boot_timeout > 0 and _runs_for(view, now or datetime.now(UTC)) > SLOW:
        minutes = max(1, round(boot_timeout / 60))
        sentence = Sentence(_SLOW, {"job": job_id, "node": event["node"], "minutes": minutes})
    event["message"] = say(lang, sentence)
    return event


def _event(
    lang: str, job_id: str, queue: str, view: JobView, reason: Sentence | None, ahead: int | None
) -> Event:
    job = view.job
    event: Event = {
        "phase": view.phase.value,
        "queue": queue,
        "job_id": job_id,
        "state": job.state if job else None,
        "node": job.nodes[0] if job and job.nodes else None,
        "reason": say(lang, reason) if reason else None,
        # Nobody is before a held job, and yet it is not next.
        "ahead": None if job and is_held(job.state, job.reason) else ahead,
        "expected_start": _iso(job.started) if job and view.phase is JobPhase.WAITING else None,
        "since": _iso(job.submitted) if job else None,
    }
    if view.phase in _PROGRESS:
        event["progress"] = _PROGRESS[view.phase]
    return event


def _reason(view: JobView, partition: Partition | None) -> Sentence | None:
    if view.phase is not JobPhase.WAITING or view.job is None:
        return None
    return explain(view.job.reason, nodes=len(partition.nodes) if partition else 0)


def _runs_for(view: JobView, now: datetime) -> float:
    """Seconds for which a job has been at work on its node."""
    job = view.job
    if view.phase is not JobPhase.RUNNING or job is None or job.started is None or is_paused(job.state):
        return 0.0
    return (now - job.started).total_seconds()


def _in_line(before: int) -> Sentence:
    if not before:
        return Sentence(_("Your job is in line to be submitted: it is the next."), {})
    return Sentence(_("Your job is in line to be submitted: %(ahead)s before you."), {"ahead": before})


def _sentence(
    job_id: str, view: JobView, reason: Sentence | None, *, silent: bool, requeued: bool
) -> Sentence:
    job = view.job
    if silent:
        return Sentence(_PHASE_TEXTS[JobPhase.UNKNOWN], {"job": job_id})
    if view.phase is JobPhase.WAITING:
        if job is None:
            return Sentence(_("Job %(job)s is submitted."), {"job": job_id})
        if is_held(job.state, job.reason):
            return Sentence(_HELD_AGAIN if requeued else _HELD, {"job": job_id})
        if requeued:
            return Sentence(_REQUEUED, {"job": job_id, "reason": reason or "…"})
        return Sentence(_("Job %(job)s waits: %(reason)s"), {"job": job_id, "reason": reason or "…"})
    params: dict[str, object] = {"job": job_id}
    if view.phase is JobPhase.RUNNING and job is not None and is_paused(job.state):
        return Sentence(_PAUSED, params)
    if view.phase is JobPhase.RUNNING:
        params["node"] = job.nodes[0] if job and job.nodes else "…"
    return Sentence(_PHASE_TEXTS[view.phase], params)


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None
