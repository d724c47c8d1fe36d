"""More time for a running server: ``/hub/hpchub/extend/USER[/SERVER]``, and the same for programs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tornado import web

import texts
from slurm.records import Sentence
from spawner.api import Api
from spawner.extending import Extended, ExtendError, extend
from spawner.pages.facts import describe
from spawner.pages.page import ServerPage, server_path
from texts import mark as _

__all__ = ["ExtendAPIHandler", "ExtendHandler"]

_NO_NUMBER = _("Say by how many hours, as a whole number.")


class ExtendHandler(ServerPage):
    """GET shows the form, POST extends; both work without JavaScript."""

    @web.authenticated
    async def get(self, user_name: str, server_name: str | None = None) -> None:
        spawner = self.spawner_of(user_name, server_name, "servers")
        # After a POST; it shows what is so, and would show the same to anybody who typed it.
        await self.show("server_extend.html", spawner, done=bool(self.get_query_argument("done", "")))

    @web.authenticated
    async def post(self, user_name: str, server_name: str | None = None) -> None:
        spawner = self.spawner_of(user_name, server_name, "servers")
        hours = self.get_body_argument("hours", "")
        try:
            await carry_out(self, spawner, _whole(hours))
        except ExtendError as error:
            self.set_status(error.status)
            await self.show("server_extend.html", spawner, problem=error.sentence, done=False)
            return
        self.redirect(f"{self.hub.base_url}hpchub/extend/{server_path(spawner)}?done=1", status=303)


class ExtendAPIHandler(Api):
    """POST {"hours": 1}, with "server" and "user" where it is not one's own default server."""

    async def post(self) -> None:
        if self.current_user is None:
            raise web.HTTPError(403, "Missing or invalid credentials")
        hours, name, user_name = self._read(self.body())
        allowed = self.has_scope(f"servers!server={user_name}/{name}")  # type: ignore[no-untyped-call]
        user = self.find_user(user_name) if allowed else None  # type: ignore[no-untyped-call]
        if user is None or name not in user.spawners:
            raise web.HTTPError(404, "There is no such server, or it is not yours to extend")
        try:
            await carry_out(self, user.spawners[name], hours)
        except ExtendError as error:
            refusal = web.HTTPError(error.status, str(error.sentence))
            refusal.jupyterhub_message = texts.say(  # type: ignore[attr-defined]
                texts.language_of(self), error.sentence
            )
            raise refusal from error
        self.finish(describe(user.spawners[name]))  # type: ignore[no-untyped-call]

    def _read(self, body: Any) -> tuple[int, str, str]:
        if not isinstance(body, dict) or not {"hours"} <= set(body) <= {"hours", "server", "user"}:
            raise web.HTTPError(400, 'The body must be {"hours": NUMBER}, with "server" and "user" if needed')
        hours, name, user = body["hours"], body.get("server", ""), body.get("user", self.current_user.name)
        if isinstance(hours, bool) or not isinstance(hours, int) or not 1 <= hours < 100_000:
            raise web.HTTPError(400, "hours must be a whole number from 1")
        if not isinstance(name, str) or not isinstance(user, str):
            raise web.HTTPError(400, "server and user must be text")
        return hours, name, user


def _whole(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 6:
        return int(text)
    raise ExtendError(Sentence(_NO_NUMBER, {}), 400, "number")


async def carry_out(handler: Any, spawner: Any, hours: int) -> None:
    """Extend a server's time, and note who did it, or tried."""
    who = str(handler.current_user.name)
    try:
        done = await extend(spawner, hours)
    except ExtendError as error:
        result = "unavailable" if error.status == 503 else "refused"
        _note(handler, spawner, result=result, reason=error.why, by=who, how=f"job:{spawner.job_id}")
        raise
    spawner.log.info(
        "Job %s of %s: time limit extended from %s to %s minutes by %s",
        *(done.job_id, spawner.user.name, done.before, done.after, who),
    )
    _note(handler, spawner, result="success", by=who, how=_how(done))


def _how(done: Extended) -> str:
    # Without blanks, which the audit would show as question marks.
    return f"job:{done.job_id}:{done.before}>{done.after}min"


def _note(handler: Any, spawner: Any, *, result: str, by: str, how: str, reason: str = "") -> None:
    """Tell the audit, if the hub's authenticator keeps one; it takes whatever has these attributes."""
    audit = getattr(handler.authenticator, "audit", None)
    if audit is None:
        return
    user = str(spawner.user.name)
    audit.record(
        SimpleNamespace(
            kind="extended",
            result=result,
            reason=reason,
            user=user,
            address="",
            by=by if by != user else "",
            how=how,
        )
    )
