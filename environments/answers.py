"""Answers the hub's questions about a user's environments; runs as that user, reads only, and is quick.

One JSON question comes in, one JSON answer goes out. The questions are a closed set, and every word of one is
checked; what the user has on the disk is believed nothing, and an answer is never longer than `LARGEST`.
A question that cannot be answered is answered with ``{"problem": {"code", "msgid", "params", "details"}}``.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import signal
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any, Final

from environments import chronicle, found, journal
from environments.layout import Layout
from environments.problems import Problem
from texts import mark as _

__all__ = ["LARGEST", "answer", "layout_of", "main"]

LARGEST: Final = 200_000
"""Bytes of an answer."""

MARGIN: Final = 2000  # of that, for what stands around the two lists
LARGEST_QUESTION: Final = 64 * 1024
SECONDS: Final = 12  # for an answer; whoever asked waits for 20
LONGEST_WORD: Final = 500

DEFAULT_PATH: Final = "/etc/hpchub/environments.toml"  # both as environments.site has them
DEFAULT_ROOT: Final = "/scratch/{user}/.conda"

_ID: Final = re.compile(r"[0-9a-f]{16}")

Question = Mapping[str, Any]
Answer = dict[str, Any]


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Read one question from standard input and print its answer; return 0, or 2 when it is none."""
    raw = sys.stdin.buffer.read(LARGEST_QUESTION + 1)
    try:
        question = json.loads(raw) if len(raw) <= LARGEST_QUESTION else None
    except (ValueError, RecursionError):
        question = None
    reply, code = _answered(question, environ)
    text = json.dumps(_clean(reply))
    if len(text) > LARGEST:
        problem = Problem("too-large", _("This is too much for a page; use hpchub env in a terminal."))
        text = json.dumps({"problem": problem.as_json()})
    sys.stdout.write(text + "\n")
    return code


def _answered(question: object, environ: Mapping[str, str]) -> tuple[Answer, int]:
    signal.signal(signal.SIGALRM, _too_slow)
    signal.alarm(SECONDS)
    try:
        return answer(_checked(question), layout_of(environ), environ), 0
    except Problem as problem:
        return {"problem": problem.as_json()}, 2 if problem.code == "question" else 0
    except Exception as error:  # the user's folders can be anything; whoever asked gets an answer
        unread = _("Your environments cannot be read (%(kind)s); Reset makes a broken one anew.")
        return {"problem": Problem("unreadable", unread, kind=type(error).__name__).as_json()}, 0
    finally:
        signal.alarm(0)


def _too_slow(_number: int, _frame: FrameType | None) -> None:
    raise Problem("slow", _("Your folder does not answer in time; try again in a minute."))


def layout_of(environ: Mapping[str, str] = os.environ, user: str = "") -> Layout:
    """Return where this user's environments lie.

    Of the site's file only `root` is read, and that by hand: to check all the rest takes longer than the
    whole answer may. `environments.site` has checked it before the hub started.
    """
    path = Path(environ.get("HPCHUB_ENVIRONMENTS") or DEFAULT_PATH)
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Problem(
            "site",
            _("The site's file of environments cannot be read; tell your administrators."),
            details=str(error),
        ) from None
    root = raw.get("root", DEFAULT_ROOT)
    return Layout(Path(str(root).replace("{user}", user or _own_name())))


def answer(question: Question, layout: Layout, environ: Mapping[str, str] = os.environ) -> Answer:
    """Answer a question that was checked.

    Raises
    ------
    Problem
        When there is nothing to answer with.
    """
    return QUESTIONS[question["ask"]][1](question, layout, environ)


def _checked(question: object) -> Question:
    """Return the question, if it is one of ours and every word of it is one that we know."""
    if not isinstance(question, dict):
        raise _refused("", "")
    ask = question.get("ask")
    if not isinstance(ask, str) or ask not in QUESTIONS:
        raise _refused("ask", ask)
    rules = QUESTIONS[ask][0]
    for key, value in question.items():
        if key != "ask" and not (key in rules and rules[key](value)):
            raise _refused(key, value)
    for key in rules:
        if key not in question:
            raise _refused(key, None)
    return question


def _refused(key: str, value: object) -> Problem:
    return Problem(
        "question",
        _("This question is not one that can be answered here: %(key)s %(value)s."),
        key=str(key)[:60],
        value=repr(value)[:60],
    )


def _list(_question: Question, layout: Layout, _environ: Mapping[str, str]) -> Answer:
    actions = chronicle.history(layout)
    shown, more = found.first_environments(layout, LARGEST - len(json.dumps(_clean(actions))) - MARGIN)
    return {"environments": [asdict(one) for one in shown], "more": more, "actions": actions}


def _packages(question: Question, layout: Layout, _environ: Mapping[str, str]) -> Answer:
    prefix = _there(layout, question["environment"])
    return {"packages": found.packages(prefix), "others": found.others(prefix)}


def _journal(question: Question, layout: Layout, _environ: Mapping[str, str]) -> Answer:
    path = layout.journal(question["action"])
    events, after = journal.read(path, question["after"])
    ended = any(event.kind == "end" for event in events) or journal.first_and_last(path)[1] is not None
    return {"events": [asdict(event) for event in events], "next": after, "ended": ended}


def _export(question: Question, layout: Layout, environ: Mapping[str, str]) -> Answer:
    from environments import exporting
    from environments.site import load_site

    name, kind = question["environment"], question["format"]
    text = exporting.export(_there(layout, name), kind, name, load_site(environ=environ))
    return {"text": text, "filename": exporting.FILENAMES[kind]}


def _takeaway(question: Question, layout: Layout, environ: Mapping[str, str]) -> Answer:
    from environments import takeaway
    from environments.site import load_site

    prefix = _there(layout, question["environment"])
    site = load_site(environ=environ)
    workspace = site.workspace_of(_own_name())
    folder = workspace / question["folder"]
    if not folder.resolve().is_relative_to(workspace.resolve()):
        raise _refused("folder", question["folder"])
    taken = takeaway.take(prefix, folder, site, name=question["environment"])
    return {"files": taken.files, "notes": [note._asdict() for note in taken.notes]}


def _python(question: Question, layout: Layout, _environ: Mapping[str, str]) -> Answer:
    from environments import holding

    name = question["environment"]
    path = found.python_of(layout.address(name))
    return {
        "python": str(path) if path else None,
        "server": found.serves(layout.address(name)),
        "busy": holding.holder(layout, name),
    }


def _there(layout: Layout, name: str) -> Path:
    """Return the prefix of an environment that is there."""
    prefix = layout.address(name)
    if not os.path.isdir(prefix):
        raise Problem("missing", _("There is no environment %(name)s."), name=name)
    return prefix


def _is_environment(value: object) -> bool:
    return isinstance(value, str) and bool(found.NAME.fullmatch(value))


def _is_action(value: object) -> bool:
    return isinstance(value, str) and bool(_ID.fullmatch(value))


def _is_offset(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 40


def _is_format(value: object) -> bool:
    return value in ("yml", "requested", "explicit", "lock")


def _is_folder(value: object) -> bool:
    """Return whether it is a path within another folder, by its words."""
    if not isinstance(value, str) or len(value) > LONGEST_WORD or not value.isprintable():
        return False
    return not value.startswith("/") and ".." not in value.split("/")


def _own_name() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


Rule = Callable[[object], bool]
Answering = Callable[[Question, Layout, Mapping[str, str]], Answer]

QUESTIONS: Final[Mapping[str, tuple[Mapping[str, Rule], Answering]]] = {
    "list": ({}, _list),
    "packages": ({"environment": _is_environment}, _packages),
    "journal": ({"action": _is_action, "after": _is_offset}, _journal),
    "export": ({"environment": _is_environment, "format": _is_format}, _export),
    "takeaway": ({"environment": _is_environment, "folder": _is_folder}, _takeaway),
    "python": ({"environment": _is_environment}, _python),
}


def _clean(value: Any) -> Any:
    """Return it without half characters and numbers that JSON has not, which readers would trip over."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {_clean(str(key)): _clean(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(each) for each in value]
    return value if not isinstance(value, float) or abs(value) < 1e300 else 0.0
