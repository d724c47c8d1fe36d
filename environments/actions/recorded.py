"""Carries an action out with its journal written, so that pages and terminals see what became of it."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Final

from environments import journal
from environments.actions import Done, run
from environments.actions.work import inside
from environments.journal import Journal
from environments.layout import Layout
from environments.problems import Cancelled, Problem
from environments.records import Action, Progress, Tell
from environments.site import Site, own_name
from environments.supervising import cancellable
from texts import mark as _

__all__ = ["BUSY", "CANCELLED", "DONE", "FAILED", "NOT_UNDERSTOOD", "Outcome", "recorded"]

DONE: Final = 0
FAILED: Final = 1
NOT_UNDERSTOOD: Final = 2
CANCELLED: Final = 3
BUSY: Final = 4

LONGEST_DETAILS: Final = 20_000
ID: Final = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an action; `problem` is None unless it failed, `done` is None unless it did not.

    Attributes
    ----------
    seconds : float
        How long it took.
    """

    action: Action
    code: int
    seconds: float
    done: Done | None = None
    problem: Problem | None = None
    about: Mapping[str, Any] = field(default_factory=dict)


def _by_somebody() -> Problem | None:
    return None


def recorded(
    action: Action,
    site: Site,
    layout: Layout,
    tell: Tell,
    why: Callable[[], Problem | None] = _by_somebody,
) -> Outcome:
    """Do it, and write its journal; never raises.

    SIGTERM, SIGINT and SIGHUP cancel it, until the moment of the switch: after that it is done.

    Parameters
    ----------
    why : callable
        Says at the moment of a cancellation what is known to be behind it; None for a person.
    """
    began = time.monotonic()
    if not ID.fullmatch(action.id):  # a file's name, before anything else looks at it
        return _told(action, began, problem=Problem("request", _("This action's id is not one.")))
    try:
        inside(layout)
        log = Journal(layout.journal(action.id))
    except Problem as problem:
        return _told(action, began, problem=problem)
    except OSError as error:
        return _told(action, began, problem=_no_journal(error))
    # To the very end: a signal after the switch must not hide from anybody what was done.
    with log, cancellable(), _also_hung_up():
        log.begin({"action": {**action.as_json(), "text": ""}, **_who()})
        outcome = _watched(action, site, layout, _both(log.tell, tell), began, why)
        log.end(outcome.about)
    journal.prune(layout.actions)
    return outcome


def _watched(
    action: Action,
    site: Site,
    layout: Layout,
    tell: Tell,
    began: float,
    why: Callable[[], Problem | None],
) -> Outcome:
    try:
        return _told(action, began, done=run(action, site, layout, tell))
    except Cancelled:
        return _told(action, began, problem=why())
    except Problem as problem:
        return _told(action, began, problem=problem)
    except Exception as error:  # a fault of ours is told like any other, and the environment is as it was
        words = _("Something unforeseen happened (%(kind)s). Nothing was changed; tell your administrators.")
        kind, details = type(error).__name__, _traced(error)
        return _told(action, began, problem=Problem("fault", words, kind=kind, details=details))


def _told(
    action: Action, began: float, *, done: Done | None = None, problem: Problem | None = None
) -> Outcome:
    seconds = round(time.monotonic() - began, 3)
    if problem is not None:
        code = BUSY if problem.code == "busy" else FAILED
    else:
        code = DONE if done is not None else CANCELLED
    raw = problem.as_json() if problem else None
    if raw:
        raw["details"] = raw["details"][-LONGEST_DETAILS:]
    about = {
        "result": {DONE: "done", CANCELLED: "cancelled"}.get(code, "failed"),
        "problem": raw,
        "packages": done.packages if done else 0,
        "generation": done.generation if done else "",
        "changed": done.changed if done else False,
        "seconds": seconds,
        "notes": [one._asdict() for one in done.notes] if done else [],
    }
    return Outcome(action, code, seconds, done, problem, about)


@contextmanager
def _also_hung_up() -> Iterator[None]:
    """Take a terminal that is closed for a wish to cancel."""

    def hung_up(_number: int, _frame: FrameType | None) -> None:
        signal.raise_signal(signal.SIGTERM)

    before = signal.signal(signal.SIGHUP, hung_up)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def _both(*tells: Tell) -> Tell:
    def heard(what: Progress | str) -> None:
        for tell in tells:
            tell(what)

    return heard


def _who() -> dict[str, Any]:
    return {
        # Slurm's name for the node, by which administrators know it.
        "host": os.environ.get("SLURMD_NODENAME") or socket.gethostname(),
        "node": os.environ.get("SLURMD_NODENAME", ""),
        "job": os.environ.get("SLURM_JOB_ID", ""),
        "pid": os.getpid(),
        "user": own_name(),
    }


def _no_journal(error: OSError) -> Problem:
    if isinstance(error, FileExistsError):
        return Problem("request", _("This very action was begun before; ask for it anew."))
    return Problem(
        "disk",
        _("The disk refused: %(reason)s, at %(path)s. Nothing was changed."),
        reason=error.strerror or type(error).__name__,
        path=str(error.filename or "-"),
    )


def _traced(error: BaseException) -> str:
    import traceback

    return "".join(traceback.format_exception(error))
