"""Refresh for browsers that are known: the way past most of what JupyterHub does for each request.

Five hundred who press Refresh in one moment are answered one after another, so the last of them waits five
hundred times as long as one takes. A request whose browser is known (`spawner.known`) therefore gets no
handler of JupyterHub's. What that would have looked at is either looked at in `recall` or, where it is not
the plain question of a page's script, left to it: this router then has no answer, and tornado goes on to the
next route, which is the full handler's. The head of the answer is the one that handler gives.

Those who come while Slurm is asked stand in one line, and one task answers them all. What is no part of the
answer, its line in the hub's log and its place in the figures at ``/hub/metrics``, is written right after,
some at a time: line for line what JupyterHub writes, with the time of the answer.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import deque
from typing import Any, Final

from jupyterhub.metrics import REQUEST_DURATION_SECONDS
from tornado.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerRequest,
    ResponseStartLine,
    format_timestamp,
)
from tornado.log import access_log, app_log
from tornado.routing import Router

from slurm.snapshot import Snapshot
from spawner.figures import FIGURES, Figures, FiguresHandler
from spawner.known import BROWSERS, Browsers, Known

__all__ = ["ROUTER", "QuickRouter"]

AT_A_TIME: Final = 20  # answers, or lines of the log, between two looks at what else there is to do
LINGER: Final = 0.2  # seconds that lines of the log may wait for a moment in which nobody is answered

_OK: Final = ResponseStartLine("", 200, "OK")
_FAILED: Final = ResponseStartLine("", 500, "Internal Server Error")
_SORRY: Final = json.dumps({"status": 500, "message": "Internal Server Error"}).encode()
_SECONDS: Final = REQUEST_DURATION_SECONDS
_LABEL: Final = f"{FiguresHandler.__module__}.{FiguresHandler.__name__}"


class QuickRouter(Router):
    """Answers known browsers; it has no route for all others."""

    def __init__(self, browsers: Browsers = BROWSERS, figures: Figures = FIGURES) -> None:
        self._browsers = browsers
        self._figures = figures
        self._line: list[_Answer] = []
        self._round: asyncio.Task[None] | None = None
        self._notes = _Notes()
        self._date = (0, "")

    def find_handler(self, request: HTTPServerRequest, **_params: Any) -> HTTPMessageDelegate | None:
        if FiguresHandler.headers is None:
            return None
        recalled = self._browsers.recall(request)
        return None if recalled is None else _Answer(self, request, *recalled)

    def ask(self, answer: _Answer) -> None:
        """Answer now, or have it stand in line for the look at Slurm."""
        body = None if self._line else self._figures.ready(answer.known, answer.lang)
        if body is not None:
            self._send(answer, _OK, body)
            return
        self._line.append(answer)
        if self._round is None:
            self._round = asyncio.get_running_loop().create_task(self._answer_line())

    async def _answer_line(self) -> None:
        try:
            while self._line:
                snapshot = await self._look()
                line, self._line = self._line, []
                for number, answer in enumerate(line, 1):
                    await self._answer(answer, snapshot)
                    if number % AT_A_TIME == 0:
                        await asyncio.sleep(0)
        finally:
            self._round = None

    async def _look(self) -> Snapshot | None:
        try:
            return await self._figures.look(self._line[0].known.spawner)
        except Exception:  # a mistake of ours must not leave hundreds waiting for ever
            app_log.exception("The figures cannot be asked for")
            return None

    async def _answer(self, answer: _Answer, snapshot: Snapshot | None) -> None:
        if snapshot is None:
            self._send(answer, _FAILED, _SORRY)
            return
        try:
            body = await self._figures.answer(answer.known, snapshot, answer.lang)
        except Exception:  # the others in the line are to be answered all the same
            app_log.exception("The figures of %s", answer.known.spawner.user.name)
            self._send(answer, _FAILED, _SORRY)
        else:
            self._send(answer, _OK, body)

    def _send(self, answer: _Answer, start: ResponseStartLine, body: bytes) -> None:
        connection = answer.request.connection
        if connection is None or FiguresHandler.headers is None:
            return
        headers = HTTPHeaders(FiguresHandler.headers)
        headers["Date"] = self._now()
        headers["Content-Length"] = str(len(body))
        connection.write_headers(start, headers, body)
        connection.finish()
        self._notes.add(answer, start.code)

    def _now(self) -> str:
        now = int(time.time())
        if self._date[0] != now:
            self._date = (now, format_timestamp(now))
        return self._date[1]


class _Answer(HTTPMessageDelegate):
    """One request that is to be answered: begun when its head has come, asked when all of it has."""

    __slots__ = ("_router", "known", "lang", "request")

    def __init__(self, router: QuickRouter, request: HTTPServerRequest, known: Known, lang: str) -> None:
        self._router = router
        self.request = request
        self.known = known
        self.lang = lang

    def finish(self) -> None:
        self._router.ask(self)


class _Notes:
    """What is told of answers after they have been given."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[float, float, int, str, HTTPServerRequest]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, answer: _Answer, status: int) -> None:
        name = str(answer.known.spawner.user.name)
        took = answer.request.request_time()
        self._waiting.append((time.time(), took, status, name, answer.request))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LINGER, self._write)

    def _write(self) -> None:
        self._timer = None
        for _number in range(min(AT_A_TIME, len(self._waiting))):
            at, took, status, name, request = self._waiting.popleft()
            _SECONDS.labels(method="GET", handler=_LABEL, code=status).observe(took)
            _log(at, f"{status} GET {request.path} ({name}@{request.remote_ip}) {1000 * took:.2f}ms", status)
        if self._waiting:
            self._timer = asyncio.get_running_loop().call_later(0, self._write)


def _log(at: float, text: str, status: int) -> None:
    """Write a line of the request log, with the time at which what it tells happened."""
    level = logging.INFO if status < 500 else logging.ERROR
    if access_log.isEnabledFor(level):
        record = access_log.makeRecord(access_log.name, level, __file__, 0, text, (), None, "answer")
        record.created, record.msecs = at, at % 1 * 1000
        access_log.handle(record)


ROUTER: Final = QuickRouter()
"""That of this hub process."""
