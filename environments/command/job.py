"""What a batch job runs: one action, read as JSON from standard input, told about in the job's log."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from environments.actions.recorded import NOT_UNDERSTOOD, recorded
from environments.command.saying import Plain, told
from environments.names import FORMATS
from environments.problems import Problem
from environments.records import Action
from environments.site import SiteError, load_site, own_name
from environments.streams import silence
from texts import mark as _

__all__ = ["main", "read_action", "time_limit"]

LARGEST = 2 * max(FORMATS.values())
NEARLY = 15.0  # seconds; to start takes some, and Slurm looks at limits now and then


def main() -> int:
    """Carry the action out; return what the job exits with."""
    try:
        action = read_action(sys.stdin.buffer.read(LARGEST + 1))
        site = load_site()
    except (ValueError, SiteError) as error:
        sys.stderr.write(f"hpchub env: {error}\n")
        return NOT_UNDERSTOOD
    why = partial(time_limit, site.minutes, time.time())
    outcome = recorded(action, site, site.layout_of(own_name()), Plain(sys.stdout, "en"), why)
    try:
        told(outcome, sys.stdout, "en")
    except OSError:  # the log's disk is full; the journal and the exit status say what became of it
        silence(sys.stdout)
    return outcome.code


def time_limit(minutes: int, began: float, environ: Mapping[str, str] = os.environ) -> Problem | None:
    """Say that the job's time is up; None while it is not, for Slurm ends a job in the same way as a person.

    Parameters
    ----------
    minutes : int
        The limit that the site has for such jobs; newer Slurm tells the job when it ends.
    began : float
        Unix seconds.
    """
    told = environ.get("SLURM_JOB_END_TIME", "")
    ends = float(told) if told.isdecimal() else began + 60 * minutes
    if time.time() < ends - NEARLY:
        return None
    return Problem(
        "time-limit",
        _("Its job reached the time limit. What was there before is as it was; try again."),
    )


def read_action(raw: bytes) -> Action:
    """Read an action's JSON; every word of it must be text, for what it says is looked at later.

    Raises
    ------
    ValueError
        Saying what is wrong with it.
    """
    if len(raw) > LARGEST:
        raise ValueError(f"the action is larger than {LARGEST} bytes")
    try:
        given: Any = json.loads(raw)
    except RecursionError:
        given = None
    if not isinstance(given, dict):
        raise ValueError("the action is no JSON object")  # noqa: TRY004 - its text is what is wrong
    specs = given.get("specs") or []
    if not isinstance(specs, list) or not all(isinstance(one, str) for one in specs):
        raise ValueError("the action's specs are no list of texts")
    for key, value in given.items():
        if key != "specs" and not isinstance(value, str):
            raise ValueError(f"the action's {key} is no text")
    try:
        return Action.from_json(given)
    except TypeError:
        raise ValueError("the action needs an id, a verb and an environment") from None
