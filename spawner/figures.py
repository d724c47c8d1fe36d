"""The queue table alone, for Refresh: ``GET /hub/api/hpchub/queues``.

When a lecture begins, hundreds press Refresh at once, and the hub is one process. What is the same for
everybody (the figures, as HTML in the reader's language) is rendered once a second; what is the user's own
(why a queue is closed to him, and what it offers him) is small, and is put beside it.

Finding out who asks costs the hub several queries of its database, five times as much as all the rest. A
browser that was recognised is therefore known here for two minutes by its cookies and its XSRF token, unless
its user's sessions have ended: by a log-out, a reset, or because the directory disabled the account.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final

from jupyterhub.handlers.base import SESSION_COOKIE_NAME
from jupyterhub.scopes import needs_scope
from sqlalchemy.orm import object_session

import texts
from queues.access import obstacle
from queues.policy import Queue
from queues.table import QueueTable, build_table
from slurm.records import Sentence
from slurm.snapshot import Snapshot
from spawner.api import Api
from spawner.form import fresh_figures
from spawner.offers import offers_of
from spawner.options import Standing

if TYPE_CHECKING:
    from spawner.choosing import TakesOptions

__all__ = ["FiguresHandler", "recognise"]

KNOWN_SECONDS: Final = 120.0
MOST_KNOWN: Final = 10_000

_Key = tuple[str, ...]


@dataclass(slots=True)
class _Known:
    """A browser that was recognised: whose it is, and who that is to the queues, once somebody has asked."""

    spawner: TakesOptions
    until: float
    session: str
    standing: Standing | None = None

    def is_good(self) -> bool:
        return time.monotonic() < self.until and self.session == _session_of(self.spawner)


@dataclass(frozen=True, slots=True)
class _Rendered:
    of: tuple[object, ...]
    body: str


class FiguresHandler(Api):
    """Answers Refresh for the user who is logged in."""

    known: ClassVar[dict[_Key, _Known]] = {}
    rendered: ClassVar[dict[str, _Rendered]] = {}
    who: _Known

    async def prepare(self) -> None:
        known = self._recall()
        if known is None:
            await super().prepare()  # type: ignore[no-untyped-call]
            return
        self.who = known
        # What the hub's log and the rest of its request handling ask for.
        self._jupyterhub_user = known.spawner.user.name
        self.expanded_scopes: set[str] = set()
        self.parsed_scopes: dict[str, Any] = {}

    async def get(self) -> None:
        if not hasattr(self, "who"):
            self._identify(user_name=getattr(self.current_user, "name", ""))
        office = self.who.spawner.shared()
        snapshot = await fresh_figures(office.monitor)
        if self.who.standing is None:
            self.who.standing = await office.standing(self.who.spawner.user)
        figures = await self._figures(snapshot)
        own = json.dumps(self._own(snapshot, self.who.standing))
        self.finish(f'{{"figures": {figures}, "own": {own}}}')  # type: ignore[no-untyped-call]

    @needs_scope("servers")  # type: ignore[untyped-decorator]
    def _identify(self, user_name: str) -> None:
        self.who = recognise(self, self.own_spawner(), self.request.headers.get("X-XSRFToken", ""))

    def compute_etag(self) -> None:
        """Nobody asks for the same figures twice."""

    def _recall(self) -> _Known | None:
        if "Authorization" in self.request.headers or self.get_query_argument("token", None):
            return None
        key = _key(self, self.request.headers.get("X-XSRFToken", ""))
        known = self.known.get(key)
        return known if known is not None and known.is_good() else None

    async def _figures(self, snapshot: Snapshot) -> str:
        lang = texts.language_of(self)
        of = (snapshot.jobs_at, snapshot.nodes_at, snapshot.problem, int(time.monotonic()))
        done = self.rendered.get(lang)
        if done is None or done.of != of:
            done = self.rendered[lang] = _Rendered(of, json.dumps(await self._render(snapshot)))
        return done.body

    async def _render(self, snapshot: Snapshot) -> dict[str, Any]:
        table = _for_nobody(self.who.spawner, snapshot)
        settings = self.settings
        names = {
            name: value(None) if callable(value) else value
            for name, value in settings.get("template_vars", {}).items()
        }
        template = settings["jinja2_env"].get_template("queue_figures.html")
        html = await template.render_async(
            **names,
            static_url=self.static_url,
            base_url=self.hub.base_url,
            table=table,
            currency=table.currency,
        )
        return {"html": html, "old": table.problem is not None}

    def _own(self, snapshot: Snapshot, standing: Standing) -> dict[str, Any]:
        lang = texts.language_of(self)
        own = {}
        for queue in self.who.spawner.shared().policy.queues:
            if not queue.hidden:
                closed = _closed(queue, snapshot, standing)
                own[queue.name] = {
                    "why": "" if closed is None else texts.say(lang, closed),
                    "offers": offers_of(queue, snapshot, standing).as_data(),
                }
        return own


def recognise(handler: Any, spawner: TakesOptions, xsrf_token: str) -> _Known:
    """Know a browser again that the hub has just recognised; `xsrf_token` is what it will send."""
    known = FiguresHandler.known
    key = _key(handler, xsrf_token)
    found = _Known(spawner, time.monotonic() + KNOWN_SECONDS, _session_of(spawner))
    if all(key) and not getattr(handler, "_token_authenticated", False):
        known.pop(key, None)
        known[key] = found
        while len(known) > MOST_KNOWN:
            del known[next(iter(known))]
    return found


def _session_of(spawner: TakesOptions) -> str:
    """Return what changes when the user's sessions end, without asking the database."""
    user = spawner.user.orm_user
    return str(user.cookie_id) if object_session(user) is not None else ""


def _key(handler: Any, xsrf_token: str) -> _Key:
    cookies: Mapping[str, Any] = handler.request.cookies
    names = (handler.hub.cookie_name, SESSION_COOKIE_NAME, "_xsrf")
    return (*(cookies[name].value if name in cookies else "" for name in names), xsrf_token)


def _for_nobody(spawner: TakesOptions, snapshot: Snapshot) -> QueueTable:
    """Build the table with what is the same for all; what closes a queue to one user is told beside it."""
    return build_table(spawner.shared().policy, snapshot, datetime.now(UTC), user="")


def _closed(queue: Queue, snapshot: Snapshot, standing: Standing) -> Sentence | None:
    return obstacle(
        queue,
        snapshot,
        user=standing.user,
        groups=standing.groups,
        accounts=standing.accounts,
        associations=standing.associations,
    )
