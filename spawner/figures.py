"""The queue table alone, for Refresh: ``GET /hub/api/hpchub/queues``.

When a lecture begins, hundreds press Refresh at once, and the hub is one process. What is the same for
everybody (the figures, as HTML in the reader's language) is rendered once a second; what is the user's own
(why a queue is closed to him, and what it offers him) is small, stands beside it, and is written anew only
when something changes that it depends on.

Here is the answer, and how those get it whom JupyterHub must recognise first; `spawner.quick` has the others.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from jupyterhub.scopes import needs_scope
from tornado.httputil import HTTPHeaders

import texts
from queues.access import obstacle
from queues.policy import Queue, QueuePolicy
from queues.table import QueueTable, build_table
from slurm.records import Sentence
from slurm.snapshot import Snapshot
from spawner.api import Api
from spawner.form import fresh_figures
from spawner.known import BROWSERS, Known, Reader
from spawner.offers import offers_of
from spawner.options import Standing

if TYPE_CHECKING:
    from spawner.choosing import TakesOptions

__all__ = ["FIGURES", "Figures", "FiguresHandler"]

# Of each answer its own; cookies are for nobody else at all.
_NOT_SHARED: Final = ("Date", "Content-Length", "Set-Cookie", "Etag")


@dataclass(frozen=True, slots=True)
class _Rendered:
    second: int
    of: tuple[object, ...]
    body: bytes


class Figures:
    """The answers to Refresh, each part kept for as long as it is true."""

    def __init__(self) -> None:
        self._rendered: dict[str, _Rendered] = {}
        self._seen: tuple[object, ...] = ()
        self._terms: tuple[object, ...] = ()
        self.renderings = 0

    def ready(self, known: Known, lang: str) -> bytes | None:
        """Return the answer if it needs no look at Slurm: what was rendered in this very second is new."""
        done = self._rendered.get(lang)
        if done is None or done.second != int(time.monotonic()):
            return None
        snapshot = known.spawner.shared().monitor.snapshot
        return None if known.standing is None else self._join(done, known, known.standing, snapshot, lang)

    async def look(self, spawner: TakesOptions) -> Snapshot:
        """Ask Slurm, if it may be asked."""
        return await fresh_figures(spawner.shared().monitor)

    async def answer(self, known: Known, snapshot: Snapshot, lang: str) -> bytes:
        """Return the answer as JSON."""
        if known.standing is None:
            known.standing = await known.spawner.shared().standing(known.spawner.user)
        done = await self._figures(known.spawner, snapshot, lang)
        return self._join(done, known, known.standing, snapshot, lang)

    def prepare(self, known: Known, lang: str) -> None:
        """Write the user's own part before it is asked for: who has opened the form will press Refresh."""
        if known.standing is not None:
            self._own(known, known.standing, known.spawner.shared().monitor.snapshot, lang)

    def _join(
        self, done: _Rendered, known: Known, standing: Standing, snapshot: Snapshot, lang: str
    ) -> bytes:
        own = self._own(known, standing, snapshot, lang)
        return b'{"figures": %b, "own": %b}' % (done.body, own)

    def _own(self, known: Known, standing: Standing, snapshot: Snapshot, lang: str) -> bytes:
        of = (self._terms_of(snapshot), standing, lang)
        written, own = known.own
        if written != of:
            own = json.dumps(_own(known.spawner.shared().policy, snapshot, standing, lang)).encode()
            known.own = (of, own)
        return own

    def _terms_of(self, snapshot: Snapshot) -> tuple[object, ...]:
        """Return what of Slurm's answer a user's own part depends on: the same object, while it is equal."""
        seen = (snapshot.partitions, snapshot.reservations, snapshot.nodes_at is None)
        # To compare all that Slurm says takes long, and is done once for each answer.
        if len(self._seen) != len(seen) or any(
            old is not new for old, new in zip(self._seen, seen, strict=True)
        ):
            self._seen = seen
            if self._terms != seen:
                self._terms = seen
        return self._terms

    async def _figures(self, spawner: TakesOptions, snapshot: Snapshot, lang: str) -> _Rendered:
        second = int(time.monotonic())
        of = (second, snapshot.jobs_at, snapshot.nodes_at, snapshot.problem)
        done = self._rendered.get(lang)
        if done is None or done.of != of:
            text = json.dumps(await self._render(spawner, snapshot, lang))
            done = self._rendered[lang] = _Rendered(second, of, text.encode())
        return done

    async def _render(self, spawner: TakesOptions, snapshot: Snapshot, lang: str) -> dict[str, Any]:
        self.renderings += 1
        table = _for_nobody(spawner, snapshot)
        settings = spawner.user.settings
        names = {
            name: value(None) if callable(value) else value
            for name, value in settings.get("template_vars", {}).items()
        }
        template = settings["jinja2_env"].get_template("queue_figures.html")
        html = await template.render_async(
            **names,
            static_url=_Page({texts.COOKIE: lang}).static_url,
            base_url=settings["hub"].base_url,
            table=table,
            currency=table.currency,
        )
        return {"html": html, "old": table.problem is not None}


FIGURES: Final = Figures()
"""Those of this hub process."""


class FiguresHandler(Api):
    """Answers Refresh for the user whom JupyterHub recognises, and has the browser known from then on."""

    headers: HTTPHeaders | None = None
    """What JupyterHub's handlers say at the head of such an answer."""

    async def get(self) -> None:
        known = self._identify(user_name=getattr(self.current_user, "name", ""))
        self._keep_headers()
        snapshot = await FIGURES.look(known.spawner)
        self.finish(await FIGURES.answer(known, snapshot, texts.language_of(self)))  # type: ignore[no-untyped-call]

    @needs_scope("servers")  # type: ignore[untyped-decorator]
    def _identify(self, user_name: str) -> Known:
        return BROWSERS.remember(self, self.own_spawner(), self.request.headers.get("X-XSRFToken", ""))

    def compute_etag(self) -> None:
        """Nobody asks for the same figures twice."""

    def _keep_headers(self) -> None:
        kept = HTTPHeaders(self._headers)
        for name in _NOT_SHARED:
            kept.pop(name, None)
        FiguresHandler.headers = kept


class _Page:
    """Stands for a page's handler where a template looks for the reader's language, see `texts.jinja`."""

    def __init__(self, cookies: dict[str, str]) -> None:
        self.get_cookie = Reader(cookies).get_cookie

    def static_url(self, path: str) -> str:
        """Name a file of JupyterHub's own; the table has none."""
        raise LookupError(path)


def _own(policy: QueuePolicy, snapshot: Snapshot, standing: Standing, lang: str) -> dict[str, Any]:
    own = {}
    for queue in policy.queues:
        if not queue.hidden:
            closed = _closed(queue, snapshot, standing)
            own[queue.name] = {
                "why": "" if closed is None else texts.say(lang, closed),
                "offers": offers_of(queue, snapshot, standing).as_data(),
            }
    return own


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
