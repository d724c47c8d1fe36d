"""Ports for servers that bind theirs a moment after somebody has chosen it."""

import os
import socket
from itertools import count

from tests.workers import number

__all__ = ["free_port", "free_ports"]

# Below those that the machine itself gives to whoever asks for any, and a block for each worker: nobody
# else takes one between the choice and the bind.
FIRST, BLOCK = 26000, 800
_turn = count(os.getpid())


def free_port() -> int:
    for _try in range(BLOCK):
        port = FIRST + BLOCK * number() + next(_turn) % BLOCK
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free")


def free_ports(wanted: int) -> list[int]:
    return [free_port() for _ in range(wanted)]
