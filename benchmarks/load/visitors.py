"""People with browsers, many at once, at as little cost as possible: they share the machine with the hub."""

from __future__ import annotations

import asyncio
import gc
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from benchmarks.load.figures import milliseconds

__all__ = ["Answer", "Browser", "at_once", "spread", "tally"]

_LIMIT = 120.0  # seconds that anybody waits for an answer
_XSRF = re.compile(r"^set-cookie: _xsrf=([^;]+)", re.IGNORECASE | re.MULTILINE)
_SESSION = re.compile(r"^set-cookie: (jupyterhub-session-id=[^;]+)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; status 0 says that nothing did."""

    status: int
    seconds: float
    head: str = ""


class Browser:
    """One person's, in which the person has logged in.

    Parameters
    ----------
    name : str
        Whose it is.
    where : tuple
        The proxy's address and port.
    cookie : str
        The login's.
    """

    def __init__(self, name: str, where: tuple[str, int], cookie: str) -> None:
        self.name = name
        self.where = where
        self._cookies = [cookie]
        self._xsrf = ""
        self._link: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def connect(self) -> None:
        """Open the connection beforehand, as a browser has one open that shows a page."""
        self._link = await asyncio.open_connection(*self.where)

    async def get(self, path: str) -> Answer:
        return await self._ask("GET", path)

    async def post(self, path: str, form: Mapping[str, str]) -> Answer:
        return await self._ask("POST", path, urlencode({"_xsrf": self._xsrf, **form}))

    async def listen(self, path: str) -> int:
        """Follow an event stream until it ends or the task is cancelled; return the events heard."""
        reader, writer = await self._send("GET", path, "")
        events = 0
        try:
            while line := await reader.readline():
                events += line.startswith(b"data: ")
        finally:
            writer.close()
        return events

    async def _ask(self, method: str, path: str, body: str = "") -> Answer:
        began = time.perf_counter()
        try:
            async with asyncio.timeout(_LIMIT):
                reader, writer = await self._send(method, path, body)
                raw = await reader.read(-1)
                writer.close()
        except (OSError, TimeoutError):
            return Answer(0, time.perf_counter() - began)
        seconds = time.perf_counter() - began
        head = raw.partition(b"\r\n\r\n")[0].decode("latin-1")
        self._keep(head)
        status = head.split(" ", 2)[1:2]
        return Answer(int(status[0]) if status else 0, seconds, head)

    async def _send(
        self, method: str, path: str, body: str
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        link, self._link = self._link, None
        reader, writer = link or await asyncio.open_connection(*self.where)
        host = f"{self.where[0]}:{self.where[1]}"
        cookies = [*self._cookies, *([f"_xsrf={self._xsrf}"] if self._xsrf else [])]
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n"
            f"Cookie: {'; '.join(cookies)}\r\nX-XSRFToken: {self._xsrf}\r\nReferer: http://{host}/hub/home\r\n"
        )
        if body:
            head += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"{head}\r\n{body}".encode())
        return reader, writer

    def _keep(self, head: str) -> None:
        """Keep the two cookies that a form needs."""
        if found := _SESSION.search(head):
            self._cookies = [self._cookies[0], found[1]]
        if tokens := _XSRF.findall(head):
            self._xsrf = tokens[-1]


async def at_once(people: Sequence[Browser], path: str) -> list[Answer]:
    """Have everybody ask for the same in the same moment."""
    # A full collection of this program's own garbage, a tenth of a second, would count as the hub's.
    gc.collect()
    gc.freeze()
    await asyncio.gather(*(one.connect() for one in people))
    return list(await asyncio.gather(*(one.get(path) for one in people)))


async def spread(
    people: Sequence[Browser], seconds: float, act: Callable[[Browser], Awaitable[Answer]]
) -> list[Answer]:
    """Have one after another act, evenly over so many seconds."""

    async def later(one: Browser, delay: float) -> Answer:
        await asyncio.sleep(delay)
        return await act(one)

    pause = seconds / max(1, len(people))
    return list(await asyncio.gather(*(later(one, pause * number) for number, one in enumerate(people))))


def tally(answers: Sequence[Answer]) -> dict[str, Any]:
    """Return how long the answers took, and how many of each status there were (0: none came)."""
    statuses = Counter(str(answer.status) for answer in answers)
    return {"answers": dict(statuses), "ms": milliseconds([answer.seconds for answer in answers])}
