"""What the addresses of all services have in common: JupyterHub's own login and scopes, and plain errors."""

from __future__ import annotations

import json
import logging
import secrets
from typing import Any, ClassVar

from jupyterhub.log import log_request
from jupyterhub.services.auth import HubOAuthCallbackHandler, HubOAuthenticated, UserNotAllowed
from tornado import web
from tornado.httputil import HTTPServerRequest

import texts
from services.rendering import Frame
from services.settings import Place
from slurm.records import Sentence
from texts import mark as _

__all__ = ["CallbackHandler", "Handler", "NoSuchAddressHandler", "application", "content_policy"]

log = logging.getLogger(__name__)


def content_policy(*, forms: bool) -> str:
    """Return the rules for browsers: everything from here alone, and forms only where a service has some."""
    own = "'self'" if forms else "'none'"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        f"connect-src {own}; base-uri 'none'; form-action {own}; frame-ancestors 'none'"
    )


def application(
    routes: list[tuple[str, Any]], place: Place, name: str, *, nothing: type[web.RequestHandler], **more: Any
) -> web.Application:
    """Return the application of a service.

    Parameters
    ----------
    routes : list
        Patterns below the service's prefix, with their handlers.
    name : str
        The service's, as its scope has it.
    nothing : type
        Answers at all other addresses.
    """
    below = [(f"{place.prefix}{pattern}", handler) for pattern, handler in routes]
    return web.Application(
        [*below, (f"{place.prefix}oauth_callback", CallbackHandler)],
        default_handler_class=nothing,
        place=place,
        base_url=place.base_url,
        prefix=place.prefix,
        service=name,
        # Signs this process's login cookies; after a restart browsers are silently sent through the hub.
        cookie_secret=secrets.token_bytes(32),
        # JupyterHub's own, which leaves codes and tokens out of the log.
        log_function=log_request,
        **more,
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


class Handler(_Discreet, HubOAuthenticated, web.RequestHandler):
    """Finds out who asks without holding up the others, and lets in whom the hub's scopes let in."""

    policy: ClassVar[str] = content_policy(forms=False)

    _asking: dict[str, Any] | None = None

    def set_default_headers(self) -> None:
        self.set_header("Content-Security-Policy", self.policy)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "same-origin")
        # Every user's page is his own.
        self.set_header("Cache-Control", "no-store")
        self.clear_header("Server")

    async def prepare(self) -> None:
        """Ask the hub whose token or cookie this is."""
        if self.request.method not in ("GET", "HEAD"):
            # Who changes something must be logged in at this moment; for reading the last answer will do.
            self.hub_auth.cache.clear()
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
    def frame(self) -> Frame:
        """What the frame of a page says to who asks, all of it from what the hub said of him."""
        model = self._asking or {}
        person = model.get("kind") == "user"
        return Frame(
            place=self.settings["place"],
            here=self.request.path,
            user=str(model["name"]) if person else "",
            admin=person and model.get("admin") is True,
        )

    @property
    def lang(self) -> str:
        """The language of ``?lang=``, else of the pages' cookie, else the site's."""
        # By hand: tornado raises for undecodable text, also while an error is being told.
        asked = self.request.query_arguments.get("lang", [b""])[-1].decode("ascii", "replace")
        return asked if asked in texts.LANGUAGES else texts.language_of(self)

    def explain(self, status: int) -> Sentence:
        """Say what a status means here."""
        match status:
            case 403:
                text = _("You may not see this: log in, or use a token with the scope “%(scope)s”.")
                return Sentence(text, {"scope": f"access:services!service={self.settings['service']}"})
            case 404:
                return Sentence(_("There is nothing at this address."), {})
            case 405:
                return Sentence(_("Nothing can be changed here, only read."), {})
            case 503:
                return Sentence(_("JupyterHub does not answer at the moment. Please try again."), {})
            case _ if status < 500:
                return Sentence(_("This request was not understood."), {})
        return Sentence(_("Something went wrong here. Please try again, or tell the administrators."), {})

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say what is wrong; what led to it is for the log."""
        self.write_json({"status": status_code, "message": texts.say(self.lang, self.explain(status_code))})

    def write_json(self, value: dict[str, Any]) -> None:
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(json.dumps(value, ensure_ascii=False))


class NoSuchAddressHandler(Handler):
    """Everything else below the service's address."""

    def get(self) -> None:
        raise web.HTTPError(404)
