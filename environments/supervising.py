"""Runs a child that may hang, crash or be cancelled, and believes nothing but the result that it prints.

The child reads one JSON line from its standard input, which stays open: its end tells the child that we are
gone. It prints JSON lines; the one with ``result`` is the last.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO, Any, Final

from environments.problems import Cancelled, Problem
from environments.signs import Life
from texts import mark as _

__all__ = ["cancellable", "check_cancelled", "run_child", "run_program"]

LOOK_SECONDS: Final = 0.2
END_SECONDS: Final = 10.0
SAID_BYTES: Final = 8192

_cancelled = threading.Event()
_inside = threading.Lock()


@contextmanager
def cancellable() -> Iterator[None]:
    """Within this, SIGTERM and SIGINT do not end the process: what it waits for ends with `Cancelled`."""
    if threading.current_thread() is not threading.main_thread() or not _inside.acquire(blocking=False):
        yield
        return
    _cancelled.clear()
    before = {one: signal.signal(one, _cancel) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
        _inside.release()


def check_cancelled() -> None:
    """Raise `Cancelled` when somebody wants the action to end; called where that is safe."""
    if _cancelled.is_set():
        raise Cancelled


def _cancel(_number: int, _frame: FrameType | None) -> None:
    _cancelled.set()


def _check_cancelled_with(child: subprocess.Popen[bytes]) -> None:
    """Raise `Cancelled` where the signal that ended the child was meant for us all.

    Slurm sends it to every process of a job, and ours may be the last to hear of it.
    """
    if child.returncode == -signal.SIGTERM:
        for _time in range(20):
            check_cancelled()
            time.sleep(0.05)


def run_child(
    command: Sequence[str],
    request: Mapping[str, Any],
    *,
    environ: Mapping[str, str],
    stall_seconds: float,
    hear: Callable[[dict[str, Any]], None],
    limit_seconds: float | None = None,
    cwd: Path | None = None,
) -> dict[str, Any]:
    """Run a child with a request and return what it gave as its result.

    Parameters
    ----------
    stall_seconds : float
        For how long it may show no sign of life: no line, nothing read or written, no work of the processor.
    hear : callable
        Hears every other line.

    Raises
    ------
    Problem
        ``stalled``, ``late`` or ``crashed``; the child and its group are gone.
    Cancelled
        As well.
    """
    with tempfile.TemporaryFile() as said, _running(command, environ, said, cwd) as child:
        if child.stdin is not None:
            with suppress(BrokenPipeError):
                child.stdin.write(json.dumps(request).encode() + b"\n")
                child.stdin.flush()
        for line in _lines(child, stall_seconds, limit_seconds):
            about = _parsed(line)
            if "result" in about:
                return dict(about["result"])
            hear(about)
        with suppress(subprocess.TimeoutExpired):
            child.wait(END_SECONDS)
        _end(child)
        _check_cancelled_with(child)
        raise _crashed(child.returncode, _tail(said))


def run_program(
    command: Sequence[str],
    *,
    environ: Mapping[str, str],
    stall_seconds: float,
    hear: Callable[[bytes], None],
) -> tuple[int, str]:
    """Run a program that is not ours, and return its exit status and the end of what it said in errors.

    Raises
    ------
    Problem
        ``stalled``; the program and its group are gone.
    Cancelled
        As well.
    """
    with tempfile.TemporaryFile() as said, _running(command, environ, said, None) as child:
        if child.stdin is not None:
            child.stdin.close()
        for line in _lines(child, stall_seconds, None):
            hear(line)
        with suppress(subprocess.TimeoutExpired):
            child.wait(END_SECONDS)
        _end(child)
        _check_cancelled_with(child)
        return child.returncode, _tail(said)


@contextmanager
def _running(
    command: Sequence[str], environ: Mapping[str, str], said: IO[bytes], cwd: Path | None
) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(
        list(command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=said,
        env=dict(environ),
        cwd=cwd,
        start_new_session=True,
    )
    try:
        yield child
    finally:
        _end(child)


def _lines(
    child: subprocess.Popen[bytes], stall_seconds: float, limit_seconds: float | None
) -> Iterator[bytes]:
    lines: queue.Queue[bytes | None] = queue.Queue()
    threading.Thread(target=_read, args=(child.stdout, lines), daemon=True).start()
    began = time.monotonic()
    life = Life(child.pid, began)
    while True:
        check_cancelled()
        try:
            line = lines.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            now = time.monotonic()
            if now - life.last(now) > stall_seconds:
                raise _stalled(stall_seconds) from None
            if limit_seconds is not None and now - began > limit_seconds:
                raise _late(limit_seconds) from None
            continue
        if line is None:
            return
        life.heard()
        yield line


def _read(pipe: IO[bytes] | None, lines: queue.Queue[bytes | None]) -> None:
    with suppress(OSError, ValueError):
        for line in pipe or ():
            lines.put(line)
    lines.put(None)


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        about = json.loads(line)
    except ValueError:
        about = None
    return about if isinstance(about, dict) else {"line": line.decode(errors="replace").rstrip()}


def _end(child: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    for pipe in (child.stdin, child.stdout):
        with suppress(OSError):
            if pipe is not None:
                pipe.close()


def _tail(said: IO[bytes]) -> str:
    size = said.seek(0, os.SEEK_END)
    said.seek(max(0, size - SAID_BYTES))
    return said.read().decode(errors="replace")


def _stalled(seconds: float) -> Problem:
    return Problem(
        "stalled",
        _(
            "Nothing moved for %(seconds)d seconds, so it was ended: most likely the channel accepts "
            "connections but does not answer. What you had is unchanged. Try again later."
        ),
        seconds=int(seconds),
    )


def _late(seconds: float) -> Problem:
    return Problem(
        "late",
        _("It was not done after %(seconds)d seconds and was ended. What you had is unchanged."),
        seconds=int(seconds),
    )


def _crashed(code: int, said: str) -> Problem:
    if code == -signal.SIGKILL:
        return Problem(
            "killed",
            _(
                "The engine was killed, most likely because the job had too little memory. "
                "What you had is unchanged. Try again, or tell your administrators."
            ),
            details=said,
        )
    return Problem(
        "crashed",
        _(
            "The engine ended without a result (exit status %(code)d). What you had is unchanged. "
            "Try again; if it happens twice, show the details to your administrators."
        ),
        details=said,
        code=code,
    )
