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


def test_each_is_asked_below_the_hubs_own_address(listener: socket.socket, tmp_path: Path) -> None:
    port = listener.getsockname()[1]
    heard: list[bytes] = []
    listener.settimeout(20)  # nobody waits for a question that does not come

    def hear() -> None:
        with suppress(OSError):
            for _time in range(2):
                connection, _peer = listener.accept()
                with connection:
                    heard.append(connection.recv(4096).split(b" ")[1])
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    thread = threading.Thread(target=hear)
    thread.start()
    own = {"name": "queues", "url": address(listener), "command": ["x"]}
    elsewhere = {"name": "elsewhere", "url": address(listener)}  # not the hub's to start
    path = tmp_path / "jupyterhub_config.py"
    path.write_text(
        f"c.JupyterHub.base_url = '/jupyter/'\nc.JupyterHub.hub_bind_url = 'http://0.0.0.0:{port}'\n"
        f"c.JupyterHub.services = [{own!r}, {elsewhere!r}]\n"
    )
    found = list(checks(configuration.load(path)))
    thread.join(30)
    assert heard == [b"/jupyter/hub/health", b"/jupyter/services/queues/"]
    assert [(one.check, one.level) for one in found] == [
        ("hub", Level.OK),
        ("service queues", Level.OK),
    ]
    # As it can be asked; nobody has the address 0.0.0.0.
    assert found[0].seen == f"http://127.0.0.1:{port}: 200"


def test_the_address_by_which_others_reach_the_hub_comes_first(
    listener: socket.socket, tmp_path: Path
) -> None:
    path = tmp_path / "jupyterhub_config.py"
    path.write_text(
        "c.JupyterHub.hub_connect_url = 'http://127.0.0.1:99999'\n"
        f"c.JupyterHub.hub_bind_url = {address(listener)!r}\n"
    )
    (finding,) = checks(configuration.load(path))
    assert (finding.level, finding.seen) == (Level.WARNING, "http://127.0.0.1:99999: ValueError")


def test_services_that_a_file_only_adds_are_asked_too(listener: socket.socket, tmp_path: Path) -> None:
    gone = address(listener)
    listener.close()
    path = tmp_path / "jupyterhub_config.py"
    path.write_text(f"c.JupyterHub.services.append({{'name': 'mine', 'url': {gone!r}, 'command': ['x']}})\n")
    assert [one.check for one in checks(configuration.load(path))] == ["service mine"]
    path.write_text("c.JupyterHub.services = None\n")
    assert list(checks(configuration.load(path))) == []
