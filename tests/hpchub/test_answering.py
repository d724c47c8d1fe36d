"""What the doctor says of processes that answer, hang, or are not there."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from hpchub import configuration
from hpchub.answering import checks, look
from hpchub.findings import Level

PATIENCE = 0.5


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Somebody who takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def address(server: socket.socket, scheme: str = "http") -> str:
    return f"{scheme}://127.0.0.1:{server.getsockname()[1]}"


def answer(server: socket.socket, words: bytes) -> None:
    """Take one connection and say something."""
    with suppress(OSError):
        connection, _peer = server.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(words)


def test_a_process_that_hangs_is_a_fault(listener: socket.socket) -> None:
    finding = look("hub", address(listener), "/hub/health", PATIENCE)
    assert finding.level is Level.FAULT
    assert "has not answered" in finding.seen


@pytest.mark.parametrize(
    ("words", "level"),
    [
        (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", Level.OK),
        (b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", Level.OK),
        (b"SSH-2.0-somebody else\r\n", Level.WARNING),
    ],
)
def test_any_answer_of_a_web_server_will_do(listener: socket.socket, words: bytes, level: Level) -> None:
    thread = threading.Thread(target=answer, args=(listener, words))
    thread.start()
    assert look("hub", address(listener), "/", PATIENCE).level is level
    thread.join()


def test_with_tls_inside_a_refused_handshake_is_an_answer(listener: socket.socket) -> None:
    thread = threading.Thread(target=answer, args=(listener, b"\x15\x03\x03\x00\x02\x02\x28"))
    thread.start()
    assert look("hub", address(listener, "https"), "/", PATIENCE).level is Level.OK
    thread.join()


def test_before_the_first_start_nobody_listens_and_that_is_no_fault(
    listener: socket.socket, tmp_path: Path
) -> None:
    gone = address(listener)
    listener.close()
    path = tmp_path / "jupyterhub_config.py"
    service = {"name": "queues", "url": gone, "command": ["x"]}
    path.write_text(
        f"c.JupyterHub.hub_connect_url = {gone!r}\n"
        f"c.JupyterHub.services = [{service!r}, {{'name': 'prometheus', 'api_token': 'x'}}]\n"
    )
    found = list(checks(configuration.load(path)))
    assert [(one.check, one.level) for one in found] == [
        ("hub", Level.WARNING),
        ("service queues", Level.WARNING),
    ]
