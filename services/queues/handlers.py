"""The service's two addresses, behind JupyterHub's own login and scopes."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable
from typing import Any

from jupyterhub.services.auth import HubOAuthCallbackHandler, HubOAuthenticated, UserNotAllowed
from tornado import web
from tornado.httputil import HTTPServerRequest

import texts
from queues.table import QueueTable
from services.queues.desk import Desk
from services.queues.page import render_page
from services.queues.view import format_table
from slurm.records import Sentence
from texts import mark as _

__all__ = ["ApiHandler", "CallbackHandler", "NoSuchAddressHandler", "PageHandler"]

log = logging.getLogger(__name__)

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class _Discreet:
    """Logs what went wrong without the request's query: tornado's own line shows tokens and codes in it."""

    request: HTTPServerRequest

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        method, path = self.request.method, self.request.path
        if isinstance(value, web.HTTPError):
            log.info("%s %s: %s", method, path, value)
        else:
            log.error("%s %s failed", method, path, exc_info=(typ, value, tb))


class CallbackHandler(_Discreet, HubOAuthCallbackHandler):
    """Where the hub sends a browser back to after the login."""


class _Handler(_Discreet, HubOAuthenticated, web.RequestHandler):
    """Finds out who asks without holding up the others, and lets in whom the hub's scopes let in."""

    _asking: dict[str, Any] | None = None

    def set_default_headers(self) -> None:
        self.set_header("Content-Security-Policy", _POLICY)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "same-origin")
        # Every user's table is his own.
        self.set_header("Cache-Control", "no-store")
        self.clear_header("Server")

    async def prepare(self) -> None:
        """Ask the hub whose token or cookie this is."""
        try:
            model = await self.hub_auth.get_user(self, sync=False)
        except web.HTTPError as error:
            raise web.HTTPError(503, f"the hub could not be asked who this is: {error}") from error
        if model is None:
            self.refuse_stranger()
            return
        try:
            self._asking = self.check_hub_user(model)  # type: ignore[no-untyped-call]
        except UserNotAllowed:
            raise web.HTTPError(403, "missing scope access:services!service=NAME") from None

    def get_current_user(self) -> dict[str, Any] | None:
        """Return the hub's model of who asks; HubAuthenticated would ask the hub again, and block."""
        return self._asking

    def refuse_stranger(self) -> None:
        """Refuse somebody without a valid token or login."""
        raise web.HTTPError(403, "no valid token")

    @property
    def lang(self) -> str:
        """The language of ``?lang=``, else of the pages' cookie, else the site's."""
        # By hand: tornado raises for undecodable text, also while an error is being told.
        asked = self.request.query_arguments.get("lang", [b""])[-1].decode("ascii", "replace")
        return asked if asked in texts.LANGUAGES else texts.language_of(self)

    def table(self) -> Awaitable[QueueTable]:
        """Return the table of who asks."""
        desk: Desk = self.settings["desk"]
        model = self.current_user
        return desk.table_for(
            model["name"],
            frozenset(model.get("groups") or ()),
            refresh=self.get_query_argument("refresh", "") == "1",
            person=model.get("kind") == "user",
        )

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say what is wrong; what led to it is for the log."""
        self.write_json({"status": status_code, "message": texts.say(self.lang, _explain(status_code))})

    def write_json(self, value: dict[str, Any]) -> None:
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(json.dumps(value, ensure_ascii=False))


class ApiHandler(_Handler):
    """``GET api/v1/queues``: the table as JSON."""

    async def get(self) -> None:
        self.write_json(format_table(await self.table(), self.lang))


class PageHandler(_Handler):
    """The same for a person; a browser without a login is sent to the hub's."""

    def refuse_stranger(self) -> None:
        self.redirect(self.get_login_url())  # type: ignore[no-untyped-call]

    async def get(self) -> None:
        table = await self.table()
        self.finish(render_page(table, self.lang, base_url=self.settings["base_url"]))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(texts.say(self.lang, _explain(status_code)))


class NoSuchAddressHandler(_Handler):
    """Everything else below the service's address."""

    def get(self) -> None:
        raise web.HTTPError(404)


def _explain(status: int) -> Sentence:
    match status:
        case 403:
            text = _("You may not see this: log in, or use a token with the scope “%(scope)s”.")
            return Sentence(text, {"scope": "access:services!service=queues"})
        case 404:
            return Sentence(_("There is nothing at this address."), {})
        case 405:
            return Sentence(_("Nothing can be changed here, only read."), {})
        case 503:
            return Sentence(_("JupyterHub does not answer at the moment. Please try again."), {})
        case _ if status < 500:
            return Sentence(_("This request was not understood."), {})
    return Sentence(_("Something went wrong here. Please try again, or tell the administrators."), {})
