"""The ports that a centre needs, and who has one that is taken."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from demo.cluster import NODES
from demo.programs import slurmd_name
from demo.settings import CHANNEL_SERVICE, ENVIRONMENTS_SERVICE, QUEUES_SERVICE, Instance

_LISTENING = "0A"


class PortTakenError(Exception):
    """Another program listens where the centre needs to; the text says who and what to change."""


@dataclass(frozen=True, slots=True)
class Port:
    """An address and port that `program` will listen on; `setting` moves it."""

    program: str
    address: str
    number: int
    setting: str = "HPCHUB_PORT_BASE"


def needed(instance: Instance) -> list[Port]:
    """Return every port that the centre listens on."""
    local = ("hub", "proxy-api", "ldap", "mariadb", "slurmdbd", "slurmctld")
    return [
        Port("proxy", instance.address, instance.port, "HPCHUB_PORT"),
        Port("hub (queues)", "127.0.0.1", instance.service_port(QUEUES_SERVICE)),
        Port("hub (environments)", "127.0.0.1", instance.service_port(ENVIRONMENTS_SERVICE)),
        Port("channel", "127.0.0.1", instance.service_port(CHANNEL_SERVICE)),
        *(Port(name, "127.0.0.1", instance.port_of(name)) for name in local),
        *(Port(slurmd_name(node.name), "127.0.0.1", instance.node_port(node)) for node in NODES),
    ]


def check_free(instance: Instance) -> None:
    """Raise `PortTakenError` when somebody else listens on a port that the centre needs."""
    for port in needed(instance):
        if not _is_free(port):
            raise PortTakenError(
                f"port {port.number} on {port.address}, which {port.program} needs, is taken"
                f" by {_who_listens(port.number)}; stop that, or set {port.setting} to another number"
            )


def _is_free(port: Port) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((port.address, port.number))
        except OSError:
            return False
    return True


def _who_listens(number: int) -> str:
    wanted = {f"socket:[{inode}]" for inode in _listening_inodes(number)}
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(descriptor.readlink()) in wanted:
                process = descriptor.parent.parent
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
        except OSError:
            continue  # it ended meanwhile
    return "a program that could not be found out"


def _listening_inodes(number: int) -> set[str]:
    inodes = set()
    for table in ("tcp", "tcp6"):
        path = Path("/proc/net") / table
        rows = path.read_text().splitlines()[1:] if path.exists() else []
        for row in rows:
            fields = row.split()
            if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == number:
                inodes.add(fields[9])
    return inodes
