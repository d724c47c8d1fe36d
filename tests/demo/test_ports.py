from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.ports import PortTakenError, check_free, needed
from demo.settings import Instance


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    # Far from every other centre of this machine.
    return Instance(state=tmp_path, venv=tmp_path, port=28999, port_base=28900)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as listening:
        yield listening


@pytest.mark.parametrize(
    ("program", "setting"),
    [("proxy", "HPCHUB_PORT"), ("ldap", "HPCHUB_PORT_BASE"), ("slurmd-gpu03", "HPCHUB_PORT_BASE")],
)
@pytest.mark.parametrize("address", ["127.0.0.1", ""])
def test_a_taken_port_is_refused_with_who_has_it_and_what_to_change(
    instance: Instance, listener: socket.socket, program: str, setting: str, address: str
) -> None:
    port = next(port for port in needed(instance) if port.program == program)
    listener.bind((address, port.number))
    listener.listen()
    with pytest.raises(PortTakenError) as refusal:
        check_free(instance)
    words = str(refusal.value)
    assert f"port {port.number} on 127.0.0.1, which {program} needs" in words
    assert f"(process {os.getpid()})" in words
    assert f"set {setting} to" in words


def test_a_connection_that_has_just_ended_does_not_take_a_port(
    instance: Instance, listener: socket.socket
) -> None:
    # Its end lingers for a minute (TIME_WAIT); a restart must not wait for that. All servers set this option.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", instance.port))
    listener.listen()
    client = socket.create_connection(("127.0.0.1", instance.port))
    server, _ = listener.accept()
    server.close()
    client.close()
    listener.close()
    check_free(instance)
