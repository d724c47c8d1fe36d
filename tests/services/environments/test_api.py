"""The REST API's own part: what is sent in, and who listens."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from tornado import httpserver, netutil, web

from services.environments.api import EventsHandler, body_of
from services.environments.desk import Desk
from services.environments.follow import Follows
from tests.services.environments.kit import ACTION, BEGIN, World, line, name


class Listening(EventsHandler):
    """For whoever comes; who that is finds out the hub elsewhere."""

    async def prepare(self) -> None:
        self._asking = {"name": "anna", "kind": "user"}


async def until(condition: Callable[[], bool]) -> None:
    for _try in range(1000):
        if condition():
            return
        await asyncio.sleep(0.02)


async def test_who_does_not_read_is_sent_away_as_well(world: World, desk: Desk) -> None:
    world.queue(("77", "RUNNING", "anna", "None", name()))
    world.journal("anna", BEGIN, *[line("\x1b" * 2000) for _number in range(400)])
    follows = Follows(desk, interval=0.05)
    streams: Counter[str] = Counter()
    settings: dict[str, Any] = {"base_url": "/", "prefix": "/", "service": "environments"}
    app = web.Application(
        [("/([0-9a-f]{16})", Listening)],
        desk=desk,
        follows=follows,
        streams=streams,
        listening=0.5,
        **settings,
    )
    sockets = netutil.bind_sockets(0, "127.0.0.1")
    server = httpserver.HTTPServer(app)
    server.add_sockets(sockets)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(sockets[0].getsockname())
    client.sendall(f"GET /{ACTION} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    async with asyncio.timeout(60):
        await until(lambda: follows.polls > 0)
        await until(lambda: not streams)
    polls = follows.polls
    await asyncio.sleep(0.3)
    assert follows.polls == polls
    client.close()
    server.stop()
    await server.close_all_connections()
    await follows.close()


@pytest.mark.parametrize(
    "body",
    [
        b'{"verb": "install", "verb": "delete", "environment": "notebook"}',
        b"[" * 100_000,
        b"1" * 5000,
        b"\xff\xfe",
        b"",
    ],
)
def test_a_body_that_is_not_one_clear_object_is_none(body: bytes) -> None:
    assert body_of(body) is None
