"""The batch job of an action: its name, by which it is found again, and its script."""

from __future__ import annotations

import json
import re
import secrets
import shlex
from collections.abc import Iterable
from typing import Final, NamedTuple

from environments.problems import Problem
from environments.records import VERBS, Action
from slurm.records import Job
from texts import mark as _

__all__ = ["LARGEST_SCRIPT", "Named", "job_name", "named", "script_of"]

LARGEST_SCRIPT: Final = 512 * 1024
"""Bytes; sbatch itself takes 4 MB, and the helper a request of 1 MiB in which quotes count double."""

_ACTION: Final = re.compile(r"[0-9a-f]{16}")


class Named(NamedTuple):
    """What the name of a job says."""

    environment: str
    action: str
    verb: str


def job_name(hub: str, user: str, action: Action) -> str:
    """Make a name that says hub, user, environment and action; it is none of a server's.

    >>> job_name("hpchub", "anna", Action("0123456789abcdef", "reset", "notebook"))
    'hpchub-env/anna/notebook/0123456789abcdef/reset'
    """
    return "/".join([f"{_word(hub)}-env", _word(user), action.environment, action.id, action.verb])


def named(hub: str, job: Job) -> Named | None:
    """Read the name of a job; None for one that is not of this hub's actions.

    Anybody may give a job such a name, but only for themselves: who owns it says Slurm, not the name.
    """
    match job.name.split("/"):
        case [prefix, user, environment, action, verb] if (
            prefix == f"{_word(hub)}-env"
            and user == _word(job.user)
            and verb in VERBS
            and _ACTION.fullmatch(action)
        ):
            return Named(environment, action, verb)
    return None


def script_of(action: Action, python: str, runner: str) -> str:
    """Return the batch script; what the user typed is in it as data alone.

    Raises
    ------
    Problem
        When there is more in the action than a script can hold.
    """
    text = json.dumps(action.as_json())  # one line, ASCII
    mark = _mark_for(text)
    # exec: the signal that cancels a job reaches the program itself, which then cleans up.
    command = shlex.join([python, "-I", runner, "job"])
    # An action is not begun twice; a job that came back to the queue would wait there to say so.
    script = f"#!/bin/bash\n#SBATCH --no-requeue\nexec {command} <<'{mark}'\n{text}\n{mark}\n"
    if len(json.dumps(script)) > LARGEST_SCRIPT:
        raise Problem(
            "too-large",
            _("This is too much for a job: %(kib)d KiB. Use “hpchub env import” in a terminal."),
            kib=len(script) // 1024,
        )
    return script


def _mark_for(text: str, marks: Iterable[str] = iter(lambda: f"END-{secrets.token_hex(8)}", "")) -> str:
    return next(mark for mark in marks if mark not in text)


def _word(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._@+-]", "-", name)[:48]
