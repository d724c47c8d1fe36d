"""One action at a time for each environment: a file that says who works on it.

It must not need flock, which Lustre may lack: the file is made by ``link``, which fails when it is there.
A holder that is gone is recognised: on this machine by its process, on another one by its heartbeat.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from environments.layout import Layout
from environments.problems import Problem
from environments.reading import read_text
from texts import mark as _

__all__ = ["Hold", "hold", "holder"]

BEAT_SECONDS: Final = 15.0
SILENT_SECONDS: Final = 60.0
TRIES: Final = 20
LARGEST: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Hold:
    """An environment that is held."""

    path: Path
    record: str

    def confirm(self) -> None:
        """Make sure that it still is ours: after a long sleep, somebody may have taken us for dead.

        Raises
        ------
        Problem
            ``busy``.
        """
        if _read(self.path) != self.record:
            raise _busy(self.path.name)


@contextmanager
def hold(layout: Layout, name: str, action_id: str) -> Iterator[Hold]:
    """Hold an environment while an action works on it.

    Raises
    ------
    Problem
        ``busy``: somebody else holds it.
    """
    path = layout.lock(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    mine = Hold(path, json.dumps({"action": action_id, "token": secrets.token_hex(8), **_me()}))
    _take(mine, name)
    done = threading.Event()
    threading.Thread(target=_beat, args=(mine, done), daemon=True).start()
    try:
        yield mine
    finally:
        done.set()
        if _read(path) == mine.record:
            path.unlink(missing_ok=True)


def holder(layout: Layout, name: str) -> str:
    """Return the id of the action that holds an environment, or an empty text."""
    path = layout.lock(name)
    text = _read(path)
    return _action(text) if text and _alive(path, text) else ""


def _take(mine: Hold, name: str) -> None:
    aside = mine.path.with_name(f".{mine.path.name}.{secrets.token_hex(4)}")
    aside.write_text(mine.record, encoding="utf-8")
    try:
        for _try in range(TRIES):
            with suppress(FileExistsError):
                os.link(aside, mine.path)
                return
            text = _read(mine.path)
            if text and _alive(mine.path, text):
                raise _busy(name)
            if text is not None:
                _break(mine.path, text, aside)
        raise _busy(name)
    finally:
        aside.unlink(missing_ok=True)


def _break(path: Path, seen: str, aside: Path) -> None:
    """Remove the file of a holder that is gone; of several who want to, one at a time looks again."""
    breaking = path.with_name(f".{path.name}.breaking")
    try:
        os.link(aside, breaking)
    except FileExistsError:
        text = _read(breaking)
        if text is not None and not _alive(breaking, text):
            breaking.unlink(missing_ok=True)
        return
    try:
        if _read(path) == seen:
            path.unlink(missing_ok=True)
    finally:
        breaking.unlink(missing_ok=True)


def _beat(mine: Hold, done: threading.Event) -> None:
    while not done.wait(BEAT_SECONDS):
        if _read(mine.path) != mine.record:
            return
        with suppress(OSError):
            os.utime(mine.path)


def _alive(path: Path, text: str) -> bool:
    try:
        about = json.loads(text)
    except ValueError:
        about = {}
    here = _machine()
    if isinstance(about, dict) and all(about.get(key) == value for key, value in here.items()):
        return _started(about.get("pid")) == about.get("started")
    return _silence(path) < SILENT_SECONDS


def _silence(path: Path) -> float:
    """Return for how many seconds a file was not touched, by the clock of its own file system."""
    clock = path.with_name(f".clock.{secrets.token_hex(4)}")
    try:
        clock.touch()
        return clock.stat().st_mtime - path.stat().st_mtime
    except FileNotFoundError:
        return SILENT_SECONDS
    except OSError:  # the disk is full
        return time.time() - path.stat().st_mtime
    finally:
        clock.unlink(missing_ok=True)


def _machine() -> dict[str, Any]:
    """Name where a process id means something: this boot of this machine, and this space of process ids."""
    return {
        "host": socket.gethostname(),
        "boot": _read(Path("/proc/sys/kernel/random/boot_id")),
        "space": os.readlink("/proc/self/ns/pid"),
    }


def _me() -> Mapping[str, Any]:
    return {**_machine(), "pid": os.getpid(), "started": _started(os.getpid())}


def _started(pid: object) -> str:
    """Return when a process began, in the kernel's ticks; empty when there is none. Ids are used again."""
    stat = _read(Path(f"/proc/{pid}/stat"))
    if not stat:
        return ""
    words = stat.rpartition(")")[2].split()
    return "" if words[0] in "ZX" else words[19]


def _action(text: str) -> str:
    try:
        return str(json.loads(text)["action"])
    except (ValueError, TypeError, KeyError):
        return ""


def _read(path: Path) -> str | None:
    return read_text(path, LARGEST)


def _busy(name: str) -> Problem:
    return Problem(
        "busy",
        _(
            "Something else is being done to the environment %(name)s right now. "
            "Wait until it has ended, or cancel it, and try again."
        ),
        name=name,
    )
