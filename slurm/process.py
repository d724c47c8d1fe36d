"""Run a program with a time limit, and leave nothing of it behind."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from slurm.errors import SlurmNotUnderstood, SlurmUnavailable

__all__ = ["MAX_OUTPUT", "Completed", "base_environment", "run"]

MAX_OUTPUT = 64 * 1024 * 1024
"""Bytes that a program may print; the answer of a centre with 100,000 jobs is 20 MiB."""

# After the program itself has ended, what it left in the background may hold its pipes open for so long.
_GRACE = 0.5

# Nothing else of our environment concerns Slurm; SQUEUE_* or SLURM_* settings would change its answers.
_PASSED_ON = ("PATH", "HOME", "LD_LIBRARY_PATH", "SLURM_CONF", "SLURM_CONF_SERVER")


@dataclass(frozen=True, slots=True)
class Completed:
    """A program that ended by itself; undecodable bytes in its output are replaced."""

    returncode: int
    stdout: str
    stderr: str


def base_environment() -> dict[str, str]:
    """Give the environment in which Slurm's commands answer in one way: English, UTC, epoch seconds."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {"PATH": os.defpath, **kept, "LC_ALL": "C", "TZ": "UTC", "SLURM_TIME_FORMAT": "%s"}


class _Output(asyncio.SubprocessProtocol):
    """Collects both streams and knows when all is over."""

    def __init__(self, limit: int) -> None:
        self.streams = {1: bytearray(), 2: bytearray()}
        self.room = limit
        self.exited = asyncio.Event()
        self.closed = asyncio.Event()
        self.flooded = asyncio.Event()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self.room -= len(data)
        if self.room < 0:
            self.flooded.set()
            self.closed.set()
        else:
            self.streams[fd].extend(data)

    def process_exited(self) -> None:
        self.exited.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()

    def text(self, fd: int) -> str:
        return self.streams[fd].decode("utf-8", errors="replace")

    async def finished(self) -> None:
        """Wait for the end of the program and of its output."""
        exited = asyncio.ensure_future(self.exited.wait())
        closed = asyncio.ensure_future(self.closed.wait())
        try:
            await asyncio.wait({exited, closed}, return_when=asyncio.FIRST_COMPLETED)
            if not self.closed.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.closed.wait(), _GRACE)
        finally:
            exited.cancel()
            closed.cancel()


async def run(
    argv: Sequence[str],
    *,
    input: str | None = None,  # noqa: A002 - as subprocess.run calls it
    env: Mapping[str, str] | None = None,
    timeout: float = 30.0,
    setting: str = "",
    max_output: int = MAX_OUTPUT,
) -> Completed:
    """Run a program in a session of its own, which is killed when it takes too long or nobody waits any more.

    Parameters
    ----------
    argv : sequence of str
        The program and its arguments; no shell reads them.
    input : str or None
        Its standard input; empty when None.
    env : mapping or None
        Its whole environment; `base_environment` when None.
    timeout : float
        Seconds until it is killed.
    setting : str
        Name of the setting that holds the program's path, for the sentence about a missing program.

    Raises
    ------
    SlurmUnavailable
        The program is missing, or did not end in time.
    SlurmNotUnderstood
        It printed more than `max_output` bytes.
    """
    command = Path(argv[0]).name
    loop = asyncio.get_running_loop()
    try:
        transport, output = await loop.subprocess_exec(
            lambda: _Output(max_output),
            *argv,
            stdin=asyncio.subprocess.PIPE if input is not None else asyncio.subprocess.DEVNULL,
            env=dict(base_environment() if env is None else env),
            start_new_session=True,
        )
    except OSError as error:
        raise SlurmUnavailable(command, None, _missing(argv[0], setting, error)) from error
    try:
        _feed(transport, input)
        await asyncio.wait_for(output.finished(), timeout)
    except TimeoutError:
        raise SlurmUnavailable(command, None, f"did not answer within {timeout:g} s") from None
    finally:
        await _put_away(transport, output)
    returncode = transport.get_returncode()
    if output.flooded.is_set() or returncode is None:
        raise SlurmNotUnderstood(command, None, f"printed more than {max_output} bytes")
    return Completed(returncode, output.text(1), output.text(2))


def _missing(program: str, setting: str, error: OSError) -> str:
    advice = f"; set {setting} to the full path of the program" if setting else ""
    return f"cannot run {program} ({error.strerror}){advice}"


def _feed(transport: asyncio.SubprocessTransport, text: str | None) -> None:
    if text is None:
        return
    pipe = transport.get_pipe_transport(0)
    if isinstance(pipe, asyncio.WriteTransport):
        pipe.write(text.encode())
        pipe.write_eof()


async def _put_away(transport: asyncio.SubprocessTransport, output: _Output) -> None:
    """End whatever is left of the program's session; a no-op where it ended cleanly."""
    with suppress(ProcessLookupError, PermissionError):
        # The program is the leader of its own process group, so this reaches what it started as well.
        os.killpg(transport.get_pid(), signal.SIGKILL)
    with suppress(PermissionError):  # behind sudo the program is root's; closing its pipes has to do
        transport.close()
    with suppress(TimeoutError):
        await asyncio.wait_for(output.exited.wait(), 1.0)
