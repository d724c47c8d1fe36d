"""What an action is at, put together from its journal in the user's files and from its job in Slurm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from services.environments.told import Past, Trouble
from slurm.reasons import explain
from slurm.records import Job, Sentence
from slurm.states import JobPhase, phase
from texts import mark as _

__all__ = ["STATES", "Now", "State", "explain_end", "now", "told_to_end", "words_of"]

State = Literal["waiting", "running", "done", "failed", "cancelled", "interrupted"]

STATES: Final[dict[str, str]] = {
    "waiting": _("waiting"),
    "running": _("running"),
    "done": _("done"),
    "failed": _("failed"),
    "cancelled": _("cancelled"),
    "interrupted": _("interrupted"),
}

_VERBS: Final[dict[str, str]] = {
    "bootstrap": _("Bootstrap"),
    "plugins": _("Plugins"),
    "reset": _("Reset"),
    "install": _("Install"),
    "remove": _("Remove packages"),
    "snapshot": _("Snapshot"),
    "rollback": _("Roll back"),
    "import": _("Import"),
    "clone": _("Clone"),
    "delete": _("Delete"),
}

_ENDS: Final[dict[str, str]] = {
    "TIMEOUT": _("Its job reached the time limit. What was there before is as it was; try again."),
    "OUT_OF_MEMORY": _("Its job used more memory than it had. What was there before is as it was."),
    "NODE_FAIL": _("The node of its job failed; the fault is not yours. Try again."),
    "BOOT_FAIL": _("The node of its job failed; the fault is not yours. Try again."),
    "PREEMPTED": _("Its job had to make room for one of higher priority. Try again."),
    "CANCELLED": _("Its job was cancelled before it could tidy up; the next action does that."),
    "DEADLINE": _("Its job reached the time limit. What was there before is as it was; try again."),
}
# Slurm tells a job to end in all of these as it does for a cancellation, and the journal knows no better.
_TOLD_TO_END: Final = frozenset(_ENDS) - {"CANCELLED"}
_BACK: Final = _(
    "Its job was put back into the queue, and nothing is begun twice. What was there before is as it was; try"
    " again."
)
_GONE: Final = _("Its job has ended without a word. What was there before is as it was; try again.")
_NEVER: Final = _("Its job ended before the action began. The end of the job's log says why.")

# Journals are dated by the nodes' clocks, looks at Slurm by ours.
_CLOCKS_APART: Final = 10.0


@dataclass(frozen=True, slots=True)
class Now:
    """What an action is at.

    Attributes
    ----------
    job : str
        The id of its batch job; empty for one that runs in a terminal.
    job_name : str
        The job's name; empty where Slurm does not show it any more.
    began, ended : float
        Unix seconds; 0 where it has not, or that is not known.
    reason : Sentence or None
        Why it waits.
    trouble : Trouble or None
        Why it failed, or was interrupted.
    """

    id: str
    verb: str
    environment: str
    state: State
    job: str = ""
    job_name: str = ""
    host: str = ""
    submitted: float = 0.0
    began: float = 0.0
    ended: float = 0.0
    reason: Sentence | None = None
    trouble: Trouble | None = None

    @property
    def over(self) -> bool:
        return self.state not in ("waiting", "running")


def words_of(verb: str) -> str:
    """Return what a verb is called on pages; to be translated."""
    return _VERBS.get(verb, verb)


def now(known: Past, job: Job | None, looked_at: float | None) -> Now:
    """Say what an action is at.

    Parameters
    ----------
    known : Past
        What its journal says; where there is none, its id, verb and environment alone.
    job : Job or None
        Its job, as Slurm showed it in the last look; None where Slurm showed none.
    looked_at : float or None
        Unix seconds of that look, which was before the journal was read; None where Slurm never answered.
    """
    stage = phase(job.state) if job is not None else None
    reason: Sentence | None = None
    trouble = known.trouble
    state: State
    if known.ended and known.result in ("done", "failed", "cancelled"):
        state = known.result  # type: ignore[assignment]  # one of the three
        if state == "cancelled" and (told := told_to_end(job)) is not None:
            state, trouble = "interrupted", told
    elif stage is JobPhase.WAITING and _is_gone(known, looked_at) and known.began:
        state, trouble = "interrupted", Trouble("interrupted", Sentence(_BACK, {}))
    elif stage is JobPhase.WAITING and job is not None and not known.began:  # it never begins twice
        state, reason = "waiting", explain(job.reason)
    elif stage is JobPhase.ENDED or (stage is None and _is_gone(known, looked_at)):
        state, trouble = _without_an_end(known, job)
    else:
        state = "running"
    return Now(
        id=known.id,
        verb=known.verb,
        environment=known.environment,
        state=state,
        job=job.id if job is not None else known.job,
        job_name=job.name if job is not None else "",
        # Slurm's name for the node, by which administrators know it, before the node's own.
        host=(job.nodes[0] if job is not None and job.nodes else "") or known.host,
        submitted=job.submitted.timestamp() if job is not None and job.submitted else 0.0,
        began=known.began,
        ended=known.ended,
        reason=reason,
        trouble=trouble,
    )


def _is_gone(known: Past, looked_at: float | None) -> bool:
    """Say whether an action whose job Slurm did not show is over, though it did not say so."""
    if not known.job:
        return known.result == "interrupted"  # in a terminal; of its process the user's files tell
    return looked_at is not None and looked_at > known.began + _CLOCKS_APART


def _without_an_end(known: Past, job: Job | None) -> tuple[State, Trouble]:
    word = _state_word(job)
    if not known.began and word == "CANCELLED":
        return "cancelled", Trouble("cancelled", Sentence(_("It was cancelled while it waited."), {}))
    if not known.began:
        return "failed", Trouble("job", Sentence(_ENDS.get(word, _NEVER), {}))
    return "interrupted", Trouble("interrupted", explain_end(job))


def told_to_end(job: Job | None) -> Trouble | None:
    """Say why Slurm ended a job whose action took that for a cancellation; None where it was one."""
    if _state_word(job) not in _TOLD_TO_END:
        return None
    return Trouble("interrupted", explain_end(job))


def explain_end(job: Job | None) -> Sentence:
    """Say why a job ended that should not have."""
    return Sentence(_ENDS.get(_state_word(job), _GONE), {})


def _state_word(job: Job | None) -> str:
    return job.state.split()[0].rstrip("+") if job is not None and job.state else ""
