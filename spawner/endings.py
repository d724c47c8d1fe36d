"""Says in words why a job ended, and wraps failures of a start for the hub's pages."""

from __future__ import annotations

from collections.abc import Sequence

from jupyterhub.spawner import SpawnException
from markupsafe import Markup

from slurm.acting import FolderError, HelperRefusedError
from slurm.errors import SlurmError, SlurmRefused
from slurm.folders import folder_trouble
from slurm.records import Job, Sentence
from spawner.source import source_of
from texts import mark as _
from texts import say

__all__ = ["StartError", "explain_end", "failure", "submission_failure"]

_ENDS = {
    "COMPLETED": _("The server of job %(job)s has ended by itself."),
    "CANCELLED": _("Job %(job)s was cancelled, by an operator or with scancel."),
    "TIMEOUT": _("Job %(job)s has reached its time limit."),
    "DEADLINE": _("Job %(job)s has reached its deadline."),
    "OUT_OF_MEMORY": _("Job %(job)s used more memory than it had. Ask for more, or load less at once."),
    "NODE_FAIL": _("The node of job %(job)s failed; the fault is not yours. You can start another server."),
    "BOOT_FAIL": _(
        "The node for job %(job)s did not boot; the fault is not yours. You can start another server."
    ),
    "PREEMPTED": _("Job %(job)s had to make room for one of higher priority. Saved files are safe."),
    "FAILED": _("Job %(job)s failed (exit code %(exit)s)."),
    "REVOKED": _("Job %(job)s runs on another cluster, where this hub has no servers."),
}
_OUT_OF_MEMORY = _(
    "Job %(job)s used more memory than the %(gib)s GiB that it had. Ask for more, or load less at once."
)
_CANCELLED_WAITING = _(
    "Job %(job)s was cancelled while it waited in the queue, by an operator or with scancel. It has not run."
)

_CANNOT_SERVE = "66"  # singleuser/enter.sh
_NOT_SERVING = _(
    "When job %(job)s had its node, no notebook server could be started from the environment “%(name)s”: it"
    " is gone, or broken. Choose another one, or press Reset under “My environments”."
)


class StartError(SpawnException):
    """A start that failed, with what the hub's pages show: without these two they show its repr."""

    def __init__(self, text: str, html: str, *, reason: str, status: int) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            text, reason=reason, message_html=html, status_code=status
        )
        self.jupyterhub_message = text
        self.jupyterhub_html_message = html


def explain_end(job_id: str, job: Job | None, environment: str = "") -> Sentence:
    """Say why a job is no longer there.

    Parameters
    ----------
    job : Job or None
        Its last record, if Slurm still had one.
    environment : str
        What its server was started from, as in `spawner.source`.
    """
    state = job.state.split()[0].rstrip("+") if job is not None and job.state else ""
    msgid = _ENDS.get(state)
    if msgid is None:
        return Sentence(_("Job %(job)s is no longer in the queue."), {"job": job_id})
    params: dict[str, object] = {"job": job_id}
    if state == "FAILED":
        params["exit"] = job.exit_code if job is not None and job.exit_code else "?"
        source = source_of(environment)
        if source is not None and source.name and str(params["exit"]).split(":")[0] == _CANNOT_SERVE:
            return Sentence(_NOT_SERVING, {**params, "name": source.name})
    elif state == "OUT_OF_MEMORY" and job is not None and job.memory_mb:
        return Sentence(_OUT_OF_MEMORY, {**params, "gib": f"{job.memory_mb / 1024:.4g}"})
    elif state == "CANCELLED" and job is not None and not job.nodes:
        return Sentence(_CANCELLED_WAITING, params)
    return Sentence(msgid, params)


def failure(
    lang: str, sentence: Sentence, *, reason: str, log: Sequence[str] = (), status: int = 400
) -> StartError:
    """Make the exception that the hub shows: one sentence, and the end of the log as plain text."""
    text = say(lang, sentence)
    html = Markup("<p>{}</p>").format(text)
    if log:
        heading = say(lang, Sentence(_("The end of the job's log:"), {}))
        html += Markup('<p>{}</p><pre class="job-log">{}</pre>').format(heading, "\n".join(log))
    return StartError(text, str(html), reason=reason, status=status)


def submission_failure(lang: str, error: SlurmError) -> StartError:
    """Say that Slurm refused, in its own words; or that it does not answer, which is no refusal."""
    if isinstance(error, SlurmRefused):
        refusal = Sentence(_("Slurm refused the job: %(words)s"), {"words": error.message})
        return failure(lang, refusal, reason="refused")
    if isinstance(error, FolderError):
        return failure(lang, _folder_trouble(error), reason="folder", status=409)
    if isinstance(error, HelperRefusedError):
        broken = Sentence(
            _(
                "The hub is not set up rightly, so the job was not submitted. "
                "Please tell the administrators: %(words)s"
            ),
            {"words": error.message},
        )
        return failure(lang, broken, reason="setup", status=500)
    outage = Sentence(
        _(
            "Slurm does not answer at the moment, so the job could not be submitted. "
            "Nothing is charged. Please try again in a few minutes."
        ),
        {},
    )
    return failure(lang, outage, reason="slurm_unavailable", status=503)


def _folder_trouble(error: FolderError) -> Sentence:
    """Say what is wrong with a folder of the user's, and what to do about it."""
    text = _("Your folder %(path)s cannot be used: %(reason)s Nothing was submitted.")
    return Sentence(text, {"path": error.path, "reason": folder_trouble(error)})
