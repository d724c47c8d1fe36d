"""Reads audit files back, the older ones too, while others write to them."""

import datetime
import json
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

__all__ = ["read_events"]


def read_events(
    path: Path, since: datetime.datetime | None = None, user: str | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the events of an audit file and of the older files beside it, oldest first.

    Parameters
    ----------
    path
        The file that is written to (`Audit.audit_file`).
    since
        Only events of this moment (with a time zone) and later.
    user
        Only events about this user.

    Raises
    ------
    OSError
        When a file is there and cannot be read. A line that is no event is passed over.
    """
    with ExitStack() as stack:
        for file in reversed(_opened(path, stack)):
            for line in file:
                event = _parsed(line)
                if event is None or (user is not None and event.get("user") != user):
                    continue
                if since is None or _time(event) >= since:
                    yield event


def _opened(path: Path, stack: ExitStack) -> list[TextIO]:
    """Open the newest file first: one that is renamed meanwhile is met twice (and known), never missed."""
    files: dict[tuple[int, int], TextIO] = {}
    for each in _newest_first(path):
        try:
            file = stack.enter_context(each.open(encoding="utf-8", errors="replace"))
        except FileNotFoundError:
            continue
        found = os.fstat(file.fileno())
        files.setdefault((found.st_dev, found.st_ino), file)
    return list(files.values())


def _newest_first(path: Path) -> Iterator[Path]:
    yield path
    # Left behind by a process that was killed between the two renames of a change of files.
    yield from sorted(path.parent.glob(f"{path.name}.rotate.*"))
    pattern = re.compile(re.escape(path.name) + r"\.(\d+)")
    numbered = {
        int(match[1]): each for each in path.parent.iterdir() if (match := pattern.fullmatch(each.name))
    }
    yield from (numbered[number] for number in sorted(numbered))


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("time"), str) else None


def _time(event: dict[str, Any]) -> datetime.datetime:
    try:
        moment = datetime.datetime.fromisoformat(event["time"])
    except ValueError:
        return datetime.datetime.min.replace(tzinfo=datetime.UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
