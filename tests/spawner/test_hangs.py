"""What would halt a hub with a thousand users for a moment, and does not."""

from __future__ import annotations

import gc
import socket
from types import SimpleNamespace

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from spawner.backlog import make_room
from spawner.collecting import WHOLE_SECONDS, SparedCollector, spare_the_collector
from tests.spawner.test_sparing_proxy import proxy_with


def connect(port: int, number: int) -> list[socket.socket]:
    """Connect so many times to a server that takes up nothing; return the connections that were made."""
    made = []
    for _number in range(number):
        one = socket.socket()
        one.settimeout(0.05)
        try:
            one.connect(("127.0.0.1", port))
        except TimeoutError:
            one.close()
        else:
            made.append(one)
    return made


async def test_connections_wait_for_a_busy_hub_in_the_hundreds() -> None:
    server = HTTPServer(Application())
    sockets = bind_sockets(0, "127.0.0.1", backlog=1)
    server.add_sockets(sockets)
    port = sockets[0].getsockname()[1]
    few = connect(port, 6)
    assert len(few) < 6
    assert make_room(server)
    many = connect(port, 300)
    assert len(many) == 300
    for one in (*few, *many):
        one.close()
    server.stop()


def test_hub_that_does_not_listen_yet_is_asked_again() -> None:
    assert not make_room(None)
    assert not make_room(HTTPServer(Application()))


async def test_hub_is_prepared_once_when_it_listens_and_not_before() -> None:
    callbacks = list(gc.callbacks)
    proxy, server = proxy_with(3), HTTPServer(Application())
    proxy.app = SimpleNamespace(http_server=None)
    try:
        await proxy.get_all_routes()
        assert gc.callbacks == callbacks
        sockets = bind_sockets(0, "127.0.0.1", backlog=1)
        server.add_sockets(sockets)
        proxy.app.http_server = server
        for _round in range(2):
            await proxy.get_all_routes()
        assert len(gc.callbacks) == len(callbacks) + 1
        made = connect(sockets[0].getsockname()[1], 50)
        assert len(made) == 50
        for one in made:
            one.close()
    finally:
        gc.callbacks[:] = callbacks
        gc.unfreeze()
        server.stop()


class Rounds:
    """A collector that says what it was told to do."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.now = 0.0

    def freeze(self) -> None:
        self.told.append("freeze")

    def unfreeze(self) -> None:
        self.told.append("unfreeze")


def test_what_outlived_a_full_round_is_left_out_of_the_next_ones() -> None:
    rounds = Rounds()
    spared = SparedCollector(rounds, lambda: rounds.now)
    for generation in (0, 1, 2):
        spared("start", {"generation": generation})
        spared("stop", {"generation": generation})
    assert rounds.told == ["freeze"]


def test_every_six_hours_all_is_looked_through_once() -> None:
    rounds = Rounds()
    spared = SparedCollector(rounds, lambda: rounds.now)
    for now in (1.0, WHOLE_SECONDS, WHOLE_SECONDS + 1, 2 * WHOLE_SECONDS):
        rounds.now = now
        spared("stop", {"generation": 2})
    assert rounds.told == ["freeze", "unfreeze", "freeze", "unfreeze"]


def test_it_is_set_up_once_and_frees_as_before() -> None:
    class Thing:
        freed = 0

        def __del__(self) -> None:
            Thing.freed += 1

    before = list(gc.callbacks)
    try:
        old = Thing()
        spare_the_collector()
        spare_the_collector()
        assert len(gc.callbacks) == len(before) + 1
        assert gc.get_freeze_count() > 0
        del old
        ring = [Thing()]
        ring.append(ring)  # type: ignore[arg-type]
        del ring
        gc.collect()
        assert Thing.freed == 2
    finally:
        gc.callbacks[:] = before
        gc.unfreeze()
