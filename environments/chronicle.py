"""What was done to a user's environments, by the journals of the actions; believed no more than any file."""

from __future__ import annotations

import os
import re
import time
from itertools import islice
from pathlib import Path
from typing import Any, Final

from environments import found, journal
from environments.layout import Layout
from environments.records import Event

__all__ = ["LAST", "history"]

LAST: Final = 20
LONGEST_WORD: Final = 500
LONGEST_PARAM: Final = 200
GRACE: Final = 30.0  # seconds in which an action that has begun may not hold its environment yet

_ID: Final = re.compile(r"[0-9a-f]{16}")


def history(layout: Layout, most: int = LAST) -> list[dict[str, Any]]:
    """Return the last actions, newest first.

    `result` is ``done``, ``failed``, ``cancelled``, or empty while it goes on; ``interrupted`` when it has
    not ended and nobody holds its environment any more.
    """
    paths = []
    for entry in _scanned(layout.actions):
        if entry.name.endswith(".jsonl") and _ID.fullmatch(entry.name.removesuffix(".jsonl")):
            try:
                paths.append((entry.stat(follow_symlinks=False).st_mtime, Path(entry.path)))
            except OSError:
                continue
    rows = (_row(layout, path) for _when, path in sorted(paths, reverse=True)[: 2 * most])
    return list(islice((row for row in rows if row), most))


def _scanned(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(islice(entries, found.MOST_ENTRIES))
    except OSError:
        return []


def _row(layout: Layout, path: Path) -> dict[str, Any] | None:
    begin, end = journal.first_and_last(path)
    action = begin.about.get("action") if begin else None
    if begin is None or not isinstance(action, dict):
        return None
    name = _word(action.get("environment"))
    about = end.about if end else {}
    identity = path.name.removesuffix(".jsonl")
    return {
        "id": identity,
        "verb": _word(action.get("verb")),
        "environment": name,
        "began": begin.at,
        "ended": end.at if end else None,
        "result": _word(about.get("result")) if end else _unended(layout, name, identity, begin),
        "problem": _problem(about.get("problem")),
        "host": _word(begin.about.get("host")),
        "job": _word(begin.about.get("job")),
    }


def _problem(raw: object) -> dict[str, Any] | None:
    """Return a problem that a journal told of, short enough to stand among twenty."""
    if not isinstance(raw, dict):
        return None
    params = raw.get("params")
    pairs = list(params.items())[:LAST] if isinstance(params, dict) else []
    return {
        "code": _word(raw.get("code")),
        "msgid": _word(raw.get("msgid")),
        "params": {
            str(key): value if isinstance(value, int) else _word(value)[:LONGEST_PARAM]
            for key, value in pairs
        },
        "details": _word(raw.get("details")),
    }


def _unended(layout: Layout, name: str, identity: str, begin: Event) -> str:
    from environments import holding

    if time.time() - begin.at < GRACE or not found.NAME.fullmatch(name):
        return ""
    try:
        return "" if holding.holder(layout, name) == identity else "interrupted"
    except OSError:
        return ""


def _word(value: object) -> str:
    return value[:LONGEST_WORD] if isinstance(value, str) else ""
