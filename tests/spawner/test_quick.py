"""The line of those who wait for one look at Slurm, and what is told of their answers afterwards."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine, ResponseStartLine

from slurm.snapshot import Snapshot
from spawner.figures import Figures, FiguresHandler
from spawner.known import Browsers, Known
from spawner.quick import AT_A_TIME, QuickRouter

PRESS = RequestStartLine("GET", "/hub/api/hpchub/queues", "HTTP/1.1")


class Wire:
    """One connection, and what was written on it."""

    def __init__(self) -> None:
        self.context = SimpleNamespace(remote_ip="10.0.0.7", protocol="https")
        self.status = 0
        self.body = b""
        self.date = ""
        self.finished = 0

    def write_headers(self, start: ResponseStartLine, headers: HTTPHeaders, body: bytes) -> None:
        assert headers["Content-Length"] == str(len(body))
        self.status, self.body, self.date = start.code, body, headers["Date"]

    def finish(self) -> None:
        self.finished += 1


class Everybody(Browsers):
    """Knows whoever comes by the cookie, without a hub."""

    def recall(self, request: HTTPServerRequest) -> tuple[Known, str] | None:
        name = request.headers.get("Cookie", "")
        spawner: Any = SimpleNamespace(user=SimpleNamespace(name=name))
        return (Known(spawner), "en") if name else None


class Slow(Figures):
    """A Slurm that answers when it is told to, and figures that one user breaks."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = asyncio.Event()
        self.looks = 0

    def ready(self, known: Known, lang: str) -> bytes | None:
        return None

    async def look(self, spawner: Any) -> Snapshot:
        self.looks += 1
        await self.answers.wait()
        return Snapshot()

    async def answer(self, known: Known, snapshot: Snapshot, lang: str) -> bytes:
        if known.spawner.user.name == "broken":
            raise LookupError("no such queue")
        return known.spawner.user.name.encode()


@pytest.fixture(autouse=True)
def head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FiguresHandler, "headers", HTTPHeaders({"Cache-Control": "no-store"}))


async def until(done: Callable[[], bool]) -> None:
    for _try in range(30_000):
        if done():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it did not come")


def press(router: QuickRouter, name: str) -> Wire:
    wire: Any = Wire()
    headers = HTTPHeaders({"Host": "hub", "Cookie": name})
    request = HTTPServerRequest(start_line=PRESS, headers=headers, connection=wire)
    found = router.find_handler(request)
    assert found is not None
    found.finish()
    answer: Wire = wire
    return answer


async def test_all_who_come_while_slurm_is_asked_are_answered_by_one_look() -> None:
    figures = Slow()
    router = QuickRouter(Everybody(), figures)
    wires = {f"user{number}": press(router, f"user{number}") for number in range(3 * AT_A_TIME)}
    await until(lambda: figures.looks == 1)
    assert {wire.finished for wire in wires.values()} == {0}
    figures.answers.set()
    await until(lambda: all(wire.finished for wire in wires.values()))
    assert figures.looks == 1
    assert all(
        (wire.status, wire.body, wire.finished) == (200, name.encode(), 1) for name, wire in wires.items()
    )
    later = press(router, "later")
    await until(lambda: later.finished == 1)
    assert (later.status, figures.looks) == (200, 2)


async def test_a_long_line_does_not_halt_the_hub() -> None:
    class Watched(Slow):
        """Notes before each answer how often others had their turn."""

        turns = 0

        def __init__(self) -> None:
            super().__init__()
            self.seen: list[int] = []

        async def answer(self, known: Known, snapshot: Snapshot, lang: str) -> bytes:
            self.seen.append(self.turns)
            return await super().answer(known, snapshot, lang)

    figures = Watched()

    async def others() -> None:
        while True:
            figures.turns += 1
            await asyncio.sleep(0)

    router = QuickRouter(Everybody(), figures)
    wires = [press(router, f"user{number}") for number in range(3 * AT_A_TIME)]
    turning = asyncio.create_task(others())
    figures.answers.set()
    await until(lambda: all(wire.finished for wire in wires))
    turning.cancel()
    assert [figures.seen.count(turn) for turn in sorted(set(figures.seen))] == [AT_A_TIME] * 3


async def test_one_whose_figures_fail_is_told_so_and_the_others_have_theirs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    figures = Slow()
    router = QuickRouter(Everybody(), figures)
    wires = [press(router, name) for name in ("anna", "broken", "chris")]
    figures.answers.set()
    await until(lambda: all(wire.finished for wire in wires))
    assert [wire.status for wire in wires] == [200, 500, 200]
    assert b"no such queue" not in wires[1].body
    assert [wire.finished for wire in wires] == [1, 1, 1]
    assert "The figures of broken" in caplog.text
    await until(lambda: "500 GET /hub/api/hpchub/queues (broken@" in caplog.text)
    (line,) = [one for one in caplog.records if "500 GET" in one.getMessage()]
    assert line.levelno == logging.ERROR


async def test_slurm_that_cannot_even_be_asked_leaves_nobody_waiting() -> None:
    class Torn(Slow):
        async def look(self, spawner: Any) -> Snapshot:
            self.looks += 1
            raise OSError("no more files")

    figures = Torn()
    router = QuickRouter(Everybody(), figures)
    wires = [press(router, name) for name in ("anna", "chris")]
    await until(lambda: all(wire.finished for wire in wires))
    assert [(wire.status, wire.finished) for wire in wires] == [(500, 1), (500, 1)]
    assert figures.looks == 1


async def test_lines_of_the_log_keep_nobody_waiting_and_say_when_the_answers_were_given(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Reading(Slow):
        """Looks into the log before each answer."""

        lines: ClassVar[list[int]] = []

        async def answer(self, known: Known, snapshot: Snapshot, lang: str) -> bytes:
            self.lines.append(caplog.text.count("(after"))
            return await super().answer(known, snapshot, lang)

    figures = Reading()
    router = QuickRouter(Everybody(), figures)
    with caplog.at_level(logging.INFO):
        wires = [press(router, f"after{number}") for number in range(2 * AT_A_TIME + 1)]
        figures.answers.set()
        await until(lambda: all(wire.finished for wire in wires))
        answered = time.time()
        await until(lambda: caplog.text.count("(after") == len(wires))
    assert figures.lines[:AT_A_TIME] == [0] * AT_A_TIME
    lines = [one for one in caplog.records if "GET /hub/api/hpchub/queues (after" in one.getMessage()]
    assert "(after0@10.0.0.7)" in lines[0].getMessage()
    assert [one.created for one in lines] == sorted(one.created for one in lines)
    assert lines[-1].created <= answered


async def test_each_answer_bears_the_time_at_which_it_was_given() -> None:
    figures = Slow()
    figures.answers.set()
    router = QuickRouter(Everybody(), figures)
    given = []
    for _time in range(2):
        second = int(time.time())
        wire = press(router, "anna")
        await until(lambda wire=wire: wire.finished == 1)  # type: ignore[misc]
        given.append(int(parsedate_to_datetime(wire.date).timestamp()))
        assert second <= given[-1] <= int(time.time())
        await until(lambda second=second: int(time.time()) > second)  # type: ignore[misc]
    assert given[0] < given[1]


async def test_stranger_and_the_first_visitor_of_a_hub_are_left_to_jupyterhub(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    router = QuickRouter(Everybody(), Slow())
    wire: Any = Wire()
    known = HTTPServerRequest(
        start_line=PRESS, headers=HTTPHeaders({"Host": "hub", "Cookie": "anna"}), connection=wire
    )
    stranger = HTTPServerRequest(start_line=PRESS, headers=HTTPHeaders({"Host": "hub"}), connection=wire)
    assert router.find_handler(stranger) is None
    assert router.find_handler(known) is not None
    monkeypatch.setattr(FiguresHandler, "headers", None)
    assert router.find_handler(known) is None
