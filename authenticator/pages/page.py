"""What all pages about one-time passwords have in common."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

from jupyterhub.handlers.base import BaseHandler
from sqlalchemy.exc import SQLAlchemyError
from tornado import web

import texts
from authenticator.address import address_of
from authenticator.answers import RETRY_AFTER_SECONDS
from authenticator.audit import Event
from authenticator.credentials import FIELDS
from authenticator.errors import Unavailable
from authenticator.store import Store

__all__ = ["STORE_SILENT", "Page", "silence"]

Result = TypeVar("Result")

FORM_EXPIRED: Final = texts.mark("This form had expired. Open the page again, then send it once more.")
STORE_SILENT: Final = texts.mark(
    "The store of one-time passwords does not answer, so this is not possible at the moment. "
    "Nothing was changed. Try again in a minute."
)
NOT_A_WINDOW: Final = texts.mark("This page opens in a window of its own only.")


class Page(BaseHandler):  # type: ignore[misc, unused-ignore]
    """A page that no browser and no proxy keeps, and that only a person in a window gets."""

    def set_default_headers(self) -> None:
        super().set_default_headers()  # type: ignore[no-untyped-call]
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")

    async def prepare(self) -> None:
        """Refuse what a script fetched: on a shared host it may be another user's."""
        await super().prepare()  # type: ignore[no-untyped-call]
        headers = self.request.headers
        mode, place = headers.get("Sec-Fetch-Mode", "navigate"), headers.get("Sec-Fetch-Dest", "document")
        if (mode, place) != ("navigate", "document"):
            raise self.mistake(NOT_A_WINDOW)

    def check_xsrf_cookie(self) -> None:
        """Say in the reader's language what is the matter; the log gets JupyterHub's words."""
        try:
            super().check_xsrf_cookie()  # type: ignore[no-untyped-call]
        except web.HTTPError as error:
            self.log.warning("XSRF error at %s: %s", self.request.path, error.log_message)
            raise self.mistake(FORM_EXPIRED) from None

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        """Decode what is shown again on the page; what is not UTF-8 must not break that page."""
        try:
            return str(super().decode_argument(value, name))
        except web.HTTPError:
            return value.decode("utf-8", "replace")

    # ----- who, and what was typed ----------------------------------------------------------

    @property
    def store(self) -> Store:
        store: Store = self.authenticator.store
        return store

    @property
    def who(self) -> str:
        """The name of who is logged in, empty for nobody."""
        return str(self.current_user.name) if self.current_user else ""

    def credentials(self) -> dict[str, Any]:
        """Return the door's fields as sent, or nothing at all when one is missing or repeated.

        Who is logged in is not asked for a name, and cannot give another.
        """
        sent = self.request.body_arguments
        fields: dict[str, Any] = {name: sent[name][0] for name in FIELDS if len(sent.get(name, ())) == 1}
        if self.who:
            fields["username"] = self.who
        return fields if set(fields) == set(FIELDS) else {}

    def line(self, name: str, longest: int = 64) -> str:
        """Return what was typed into a field, as one short line."""
        typed = str(self.get_body_argument(name, ""))
        return "".join(sign if sign.isprintable() else " " for sign in typed).strip()[:longest]

    async def elsewhere(self) -> bool:
        """Tell whether codes are managed by somebody else; then the answer has been given."""
        if self.authenticator.factor.enrols:
            return False
        if self.request.method == "POST":
            raise web.HTTPError(404)
        await self.answer("otp_elsewhere.html", help_url=self.authenticator.otp_help_url)
        return True

    # ----- what others do for us ------------------------------------------------------------

    async def in_thread(
        self, function: Callable[..., Result], *args: Any, otherwise: str = STORE_SILENT, **kwargs: Any
    ) -> Result:
        """Run a blocking function; when there is no answer, end the request and say so."""
        try:
            result: Result = await self.authenticator.in_thread(partial(function, *args, **kwargs))
        except (Unavailable, SQLAlchemyError) as error:
            self.log.error(
                "%s: no answer: %s", self.request.path, getattr(error, "reason", type(error).__name__)
            )
            raise silence(self, otherwise) from None
        return result

    def note(self, kind: str, *, user: str, result: str = "success", reason: str = "", by: str = "") -> None:
        """Tell the audit."""
        address = address_of(self.request)
        self.authenticator.audit.record(
            Event(kind=kind, result=result, reason=reason, user=user, address=address, by=by)
        )

    async def tell(self, user: str, event: str) -> None:
        """Leave a notice for somebody. What it is about has happened, so a failure of this stops nothing."""
        add = partial(self.store.notices.add, user, event, by=self.who or user, now=time.time())
        try:
            await self.authenticator.in_thread(add)
        except (Unavailable, SQLAlchemyError) as error:
            self.log.error("%s could not be told of %s: %s", user, event, type(error).__name__)

    # ----- answers --------------------------------------------------------------------------

    def say(self, msgid: str, **params: Any) -> str:
        return texts.translate(texts.language_of(self), msgid, **params)

    def mistake(self, msgid: str, *, status: int = 403, **params: Any) -> web.HTTPError:
        """Return an error that tells the person this sentence."""
        return _error(status, "refused", self.say(msgid, **params))

    async def answer(self, template: str, *, error: web.HTTPError | None = None, **names: Any) -> None:
        """Show a page; with an error, its sentence is in it, and its status and headers are the answer's."""
        if error is not None:
            self.set_status(error.status_code)
            for name, value in (getattr(error, "headers", None) or {}).items():
                self.set_header(name, value)
        names["problem"] = getattr(error, "jupyterhub_message", "")
        names["password_url"] = getattr(error, "password_url", "")
        self.finish(await self.render_template(template, **names))  # type: ignore[no-untyped-call]

    def go(self, path: str) -> None:
        """Lead on to another of our pages after a form."""
        self.redirect(f"{self.hub.base_url}{path}", status=303)


def silence(handler: BaseHandler, msgid: str = STORE_SILENT) -> web.HTTPError:
    """Return the answer when there is none: try again in a while."""
    error = _error(503, "not possible", texts.translate(texts.language_of(handler), msgid))
    error.headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}  # type: ignore[attr-defined]
    return error


def _error(status: int, words: str, sentence: str) -> web.HTTPError:
    # The log gets a word, the person the sentence: JupyterHub shows this attribute on its pages.
    error = web.HTTPError(status, words)
    error.jupyterhub_message = sentence  # type: ignore[attr-defined]
    return error
