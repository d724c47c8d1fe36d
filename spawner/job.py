"""Puts a request into the helper's words: what Slurm is asked for, the script, and the environment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2.exceptions import TemplateError

from queues.surroundings import fill_comment
from spawner.entering import server_command
from spawner.options import Request
from spawner.script import compose_prologue, render_script

if TYPE_CHECKING:
    from spawner.starting import StartsJobs

__all__ = ["asked_for", "job_of"]


def asked_for(spawner: StartsJobs, request: Request) -> dict[str, Any]:
    """Say what Slurm is asked for; the same keys for a submission and for a question when it would start."""
    queue = request.queue
    return {
        "partition": queue.partition,
        "account": request.account,
        "minutes": request.hours * 60,
        "cpus": request.cpus,
        "memory_mb": request.memory_mb,
        "gres": request.gres,
        "exclusive": request.exclusive,
        "comment": _comment(spawner, request),
        "constraint": request.feature,
        "qos": request.qos,
        "reservation": request.reservation,
    }


def _comment(spawner: StartsJobs, request: Request) -> str | None:
    queue = request.queue
    template = spawner.comment if queue.comment is None else queue.comment
    values: dict[str, object] = {
        "username": spawner.user.name,
        "queue": queue.name,
        "account": request.account or "",
        "interface": request.interface,
        "hours": request.hours,
        "gpus": request.gpus or 0,
    }
    return fill_comment(template, values)


def job_of(spawner: StartsJobs, request: Request) -> dict[str, Any]:
    """Describe the job that is to be submitted."""
    return {
        "name": spawner.ticket.name,
        "script": _script(spawner, request),
        "environment": spawner.get_env(),
        **asked_for(spawner, request),
    }


def _script(spawner: StartsJobs, request: Request) -> str:
    try:
        return render_script(
            Path(spawner.batch_script_template),
            user=spawner.user.name,
            queue=request.queue.name,
            command=server_command(spawner, request),
            umask=spawner.umask,
            prologue=compose_prologue(spawner.prologue, request.queue.environment, request.queue.prologue),
        )
    except TemplateError as error:
        spawner.log.error("%s: %s", spawner.batch_script_template, error)
        raise
