"""Talking to the centre's supervisord through its XML-RPC interface."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, cast
from xmlrpc.client import Fault, ProtocolError, ServerProxy, Transport

from supervisor.xmlrpc import Faults

_WAIT = True
# Longer than the patience with any program that is stopped; see Program.stop_seconds.
_CALL_LIMIT = 40.0


@dataclass(frozen=True, slots=True)
class ProcessState:
    """What supervisord knows about a program; `pid` is 0 when it does not run."""

    name: str
    state: str
    pid: int
    uptime_s: int
    words: str

    @property
    def given_up(self) -> bool:
        """Whether supervisord will not start it again; one that has exited it starts a moment later."""
        return self.state in {"FATAL", "UNKNOWN"}


class _SocketConnection(HTTPConnection):
    """HTTP through a socket in the file system, with a time limit (supervisor's own client has none)."""

    def __init__(self, path: Path, limit: float) -> None:
        super().__init__("localhost", timeout=limit)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class _SocketTransport(Transport):
    def __init__(self, path: Path, limit: float) -> None:
        super().__init__()
        self._path = path
        self._limit = limit

    def make_connection(self, host: object) -> HTTPConnection:
        return _SocketConnection(self._path, self._limit)


class Supervisor:
    """The supervisord that listens on `socket`."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def _call(
        self, method: str, *arguments: Any, allowed: int | None = None, limit: float = _CALL_LIMIT
    ) -> Any:
        # A connection of its own for each call: one that failed cannot be used again.
        transport = _SocketTransport(self._socket, limit)
        server = ServerProxy("http://localhost", transport=transport)
        try:
            return getattr(server.supervisor, method)(*arguments)
        except Fault as fault:
            if fault.faultCode == allowed:
                return None
            raise
        except (HTTPException, ProtocolError) as error:
            raise ConnectionError(f"supervisord at {self._socket}: {error}") from error
        finally:
            transport.close()

    def answers(self) -> bool:
        """Whether supervisord takes commands."""
        try:
            return bool(self._call("getState", limit=5.0)["statename"] == "RUNNING")
        except (OSError, Fault):
            return False

    def wait(self, limit: float) -> bool:
        """Wait until supervisord takes commands; False when it does not within `limit` seconds."""
        deadline = time.monotonic() + limit
        while not self.answers():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def states(self) -> dict[str, ProcessState]:
        """Return the state of every program by its name."""
        rows = cast("list[dict[str, Any]]", self._call("getAllProcessInfo"))
        return {row["name"]: _state(row) for row in rows}

    def state(self, name: str) -> ProcessState:
        """Return the state of one program; cheaper than `states` for whoever asks again and again."""
        return _state(cast("dict[str, Any]", self._call("getProcessInfo", name)))

    def start(self, name: str) -> None:
        """Start a program, without waiting for it; one that runs is left alone."""
        self._call("startProcess", name, not _WAIT, allowed=Faults.ALREADY_STARTED)

    def stop(self, name: str) -> None:
        """Stop a program and wait for its end; one that does not run is left alone."""
        self._call("stopProcess", name, _WAIT, allowed=Faults.NOT_RUNNING)

    def stop_all(self, names: Sequence[str]) -> None:
        """Stop several programs side by side and wait for their end."""
        for name in names:
            self._call("stopProcess", name, not _WAIT, allowed=Faults.NOT_RUNNING)
        while any(self.state(name).state == "STOPPING" for name in names):
            time.sleep(0.05)

    def signal(self, name: str, signal: str) -> None:
        """Send a signal such as ``KILL`` or ``STOP`` to a program."""
        self._call("signalProcess", name, signal)

    def reload(self) -> None:
        """Read the configuration file again; stop what is gone or changed, add what is new."""
        [[added, changed, removed]] = self._call("reloadConfig")
        self.stop_all([*changed, *removed])
        for name in [*changed, *removed]:
            self._call("removeProcessGroup", name)
        for name in [*added, *changed]:
            self._call("addProcessGroup", name)


def _state(row: dict[str, Any]) -> ProcessState:
    uptime = row["now"] - row["start"] if row["pid"] else 0
    words = row["spawnerr"] or row["description"]
    return ProcessState(row["name"], row["statename"], row["pid"], uptime, words)
