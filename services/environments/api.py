"""The REST API: everything that the pages can do, for scripts."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncGenerator
from typing import Any, Final

from tornado import iostream, web

from environments.names import check_environment
from environments.problems import Problem
from services.environments import told
from services.environments.base import Asking, status_of
from services.environments.follow import Glance, Unknown
from services.environments.forms import from_json
from services.environments.takeaway import zipped
from services.environments.view import glance_of, overview_of, package_of
from services.handlers import NoSuchAddressHandler

__all__ = ["ROUTES", "EventsHandler", "body_of"]

# Seconds after which a listener comes again, and says anew who he is.
_LISTENING: Final = 60.0
_ALIVE: Final = 15.0
_STREAMS: Final = 12


class _Api(Asking):
    """Answers in JSON; a problem is one as well."""

    def tell(self, problem: Problem) -> None:
        self.set_status(status_of(problem))
        self.write_json({"status": status_of(problem), **self.words_of(problem)})


class EnvironmentsHandler(_Api):
    """``GET api/v1/environments``: what there is, and what is going on."""

    async def get(self) -> None:
        seen = await self.desk.overview(self.user)
        self.write_json(overview_of(seen, self.site, self.lang))


class PackagesHandler(_Api):
    """``GET api/v1/environments/NAME/packages``."""

    async def get(self, name: str) -> None:
        answer = await self.try_to(self._answer(name))
        if answer is not None:
            self.write_json(answer)

    async def _answer(self, name: str) -> dict[str, Any]:
        check_environment(name)
        answer = await self.ask(ask="packages", environment=name)
        found = filter(None, map(told.package, told.listed(answer.get("packages"))))
        others = filter(None, map(told.package, told.listed(answer.get("others"))))
        return {
            "packages": [package_of(one) for one in found],
            "others": [{"name": one.name, "version": one.version} for one in others],
        }


class ExportHandler(_Api):
    """``GET api/v1/environments/NAME/export?format=yml``: a file."""

    async def get(self, name: str) -> None:
        answer = await self.try_to(self._answer(name, self.get_query_argument("format", "yml")))
        if answer is not None:
            text = told.text(answer.get("text"), 4 << 20)
            self.download(told.text(answer.get("filename")), "text/plain; charset=utf-8", text.encode())

    async def _answer(self, name: str, kind: str) -> Any:
        check_environment(name)
        if kind not in ("yml", "requested", "explicit", "lock"):
            raise web.HTTPError(400, "no such format")
        return await self.ask(ask="export", environment=name, format=kind)


class TakeawayHandler(_Api):
    """``GET api/v1/environments/NAME/takeaway?folder=``: a zip file."""

    async def get(self, name: str) -> None:
        content = await self.try_to(zipped(self, name, self.get_query_argument("folder", "")))
        if content is not None:
            self.download(f"{name}.zip", "application/zip", content)


def body_of(raw: bytes) -> Any:
    """Return what JSON says; None where it is none."""
    try:
        return json.loads(raw, object_pairs_hook=_each_key_once)
    except (ValueError, RecursionError):
        return None


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object that says a thing twice: which of the two verbs was meant?"""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands there twice")
    return found


class ActionsHandler(_Api):
    """``POST api/v1/actions``: begin something; 201 with its id."""

    async def post(self) -> None:
        action = await self.try_to(self._submit(body_of(self.request.body)))
        if action is not None:
            self.set_status(201)
            self.set_header("Location", f"{self.settings['prefix']}api/v1/actions/{action}")
            self.write_json({"id": action})

    async def _submit(self, raw: object) -> str:
        return (await self.clerk.submit(self.user, self.groups, from_json(raw))).id


class ActionHandler(_Api):
    """``GET api/v1/actions/ID`` and ``DELETE``, which cancels it."""

    async def get(self, identity: str) -> None:
        glance = await self.try_to(self.glance(identity))
        if glance is not None:
            self.write_json(glance_of(glance, self.lang))

    async def delete(self, identity: str) -> None:
        if await self.try_to(self._cancel(identity)):
            self.set_status(202)
            self.write_json({"id": identity})

    async def _cancel(self, identity: str) -> bool:
        glance = await self.glance(identity)
        await self.clerk.cancel(self.user, glance.now)
        return True


class EventsHandler(_Api):
    """``GET api/v1/actions/ID/events``: server-sent events; their ids are bytes of the journal.

    A listener that lost the line comes back with ``Last-Event-ID`` and hears what it has missed. All are sent
    away after a minute, so that who has logged out hears no more.
    """

    _gone = False

    async def get(self, identity: str) -> None:
        streams: Counter[str] = self.settings["streams"]
        if streams[self.user] >= _STREAMS:
            raise web.HTTPError(429)
        streams[self.user] += 1
        try:
            await self._stream(identity)
        finally:
            streams[self.user] -= 1
            if not streams[self.user]:
                del streams[self.user]

    def on_connection_close(self) -> None:
        self._gone = True

    async def _stream(self, identity: str) -> None:
        glances = self.follows.follow(self.user, identity, self._offset())
        try:
            first = await anext(glances, None)
        except Unknown:
            raise web.HTTPError(404) from None
        self.set_header("Content-Type", "text/event-stream")
        try:
            # The first as well: it is the largest, and who does not read it must not be polled for for ever.
            async with asyncio.timeout(self.settings.get("listening", _LISTENING)):
                if first is not None:
                    await self._send(first)
                await self._send_all(glances)
        except (TimeoutError, Unknown):
            self._hang_up()  # the listener comes again, and hears it then
        finally:
            await glances.aclose()

    async def _send_all(self, glances: AsyncGenerator[Glance]) -> None:
        coming = asyncio.ensure_future(anext(glances, None))
        try:
            while not self._gone:
                done, _waiting = await asyncio.wait({coming}, timeout=_ALIVE)
                if not done:
                    await self._write(": \n\n")
                    continue
                glance = coming.result()
                if glance is None:
                    await self._write("event: end\ndata: {}\n\n")
                    return
                await self._send(glance)
                coming = asyncio.ensure_future(anext(glances, None))
        finally:
            coming.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await coming

    async def _send(self, glance: Glance) -> None:
        data = json.dumps(glance_of(glance, self.lang))
        await self._write(f"id: {glance.offset}\nevent: action\ndata: {data}\n\n")

    def _hang_up(self) -> None:
        """Let go of what a listener does not take; it would lie in the memory for as long as he likes."""
        stream = getattr(self.request.connection, "stream", None)
        if stream is not None and stream.writing():
            stream.close()

    async def _write(self, text: str) -> None:
        self.write(text)
        try:
            await self.flush()
        except iostream.StreamClosedError:
            self._gone = True

    def _offset(self) -> int | None:
        given = self.request.headers.get("Last-Event-ID", "")
        return int(given) if given.isdecimal() and len(given) < 15 else None


_NAME: Final = r"([^/]{1,200})"
_ID: Final = r"([0-9a-f]{16})"

ROUTES: Final[list[tuple[str, Any]]] = [
    ("api/v1/environments", EnvironmentsHandler),
    (f"api/v1/environments/{_NAME}/packages", PackagesHandler),
    (f"api/v1/environments/{_NAME}/export", ExportHandler),
    (f"api/v1/environments/{_NAME}/takeaway", TakeawayHandler),
    ("api/v1/actions", ActionsHandler),
    (f"api/v1/actions/{_ID}", ActionHandler),
    (f"api/v1/actions/{_ID}/events", EventsHandler),
    ("api/.*", NoSuchAddressHandler),
]
