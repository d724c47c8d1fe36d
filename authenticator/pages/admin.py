"""/hub/otp/admin: what administrators do about other people's second factor. They never see a secret.

Each change is an event of the audit with the administrator's name, and a notice for the person.
"""

import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from jupyterhub import orm
from jupyterhub.scopes import needs_scope
from sqlalchemy.exc import SQLAlchemyError
from tornado import web

import texts
from authenticator.credentials import canonical
from authenticator.pages.accounts import listed, row_of
from authenticator.pages.page import Page, silence
from authenticator.pages.words import closed_words
from authenticator.store import RECOVERED
from authenticator.workers import Deadline

__all__ = ["Account", "Accounts"]

DIRECTORY_SILENT: Final = texts.mark(
    "The directory of accounts does not answer, so it cannot be asked about this account. "
    "Nothing was changed. Try again in a minute."
)
NO_NAME: Final = texts.mark("“%(name)s” cannot be the name of an account.")
UNKNOWN: Final = texts.mark("The directory has no account “%(name)s”.")
CLOSED: Final = texts.mark("The directory has closed the account “%(name)s” (%(why)s).")
OUT_OF_USE: Final = texts.mark(
    "The device of “%(name)s” is out of use, and no code changes that: "
    "put it in use again, or reset it first."
)
SESSIONS_GO_ON: Final = texts.mark(
    "The device is out, but the sessions could not be ended: the store does not answer. "
    "Do it once more in a minute."
)
NO_ACTION: Final = texts.mark("There is no such action here.")


class _AdminPage(Page):
    """What both pages do."""

    async def prepare(self) -> None:
        await super().prepare()
        if not self.authenticator.factor.enrols:
            raise web.HTTPError(404)

    async def issue(self, name: str) -> None:
        """Make an enrolment code for an account that the directory knows, and show it, once."""
        account = await self.in_thread(
            self.authenticator.directory.look_up,
            name,
            Deadline(self.authenticator.login_timeout),
            otherwise=DIRECTORY_SILENT,
        )
        if account is None:
            raise self.mistake(UNKNOWN, status=404, name=name)
        if account.disabled:
            raise self.mistake(CLOSED, status=409, name=name, why=closed_words(account.disabled))
        issued = await self.in_thread(self._issue, name)
        if issued is None:
            raise self.mistake(OUT_OF_USE, status=409, name=name)
        code, until = issued
        await self.done(name, "enrolment_code")
        await self.answer("otp_issued.html", account=name, code=code, until=until, address=self._address())

    def _issue(self, name: str) -> tuple[str, datetime | None] | None:
        """Return a code and until when it is good; None when the door would not take it."""
        now = time.time()
        if self.store.tokens.disabled_why(name) not in {None, RECOVERED}:
            return None
        return self.store.enrolments.issue(name, by=self.who, now=now), self.store.enrolments.issued(
            name, now=now
        )

    async def done(self, name: str, event: str) -> None:
        """Note an event for the audit, and for the person."""
        self.note(event, user=name, by=self.who)
        await self.tell(name, event)

    def _address(self) -> str:
        public = self.settings.get("public_url")
        origin = (
            f"{public.scheme}://{public.netloc}"
            if public
            else f"{self.request.protocol}://{self.request.host}"
        )
        return f"{origin}{self.hub.base_url}otp"


class Accounts(_AdminPage):
    """All accounts, with a search; and a code for one that has never been here."""

    @web.authenticated
    @needs_scope("admin:users")  # type: ignore[untyped-decorator]
    async def get(self) -> None:
        await self._list()

    @web.authenticated
    @needs_scope("admin:users")  # type: ignore[untyped-decorator]
    async def post(self) -> None:
        typed = self.line("name")
        name = canonical(typed)
        try:
            if name is None:
                raise self.mistake(NO_NAME, status=400, name=typed)
            await self.issue(name)
        except web.HTTPError as error:
            await self._list(error, typed)

    async def _list(self, error: web.HTTPError | None = None, typed: str = "") -> None:
        search, page = (
            str(self.get_query_argument("q", ""))[:64].strip(),
            str(self.get_query_argument("page", "1")),
        )
        found = await self.in_thread(
            listed,
            self.store,
            self.authenticator.throttle,
            hub_users=[name for (name,) in self.db.query(orm.User.name)],
            search=search,
            page=int(page) if page.isascii() and page.isdecimal() and len(page) < 7 else 1,
            now=time.time(),
        )
        await self.answer(
            "otp_admin.html",
            error=error,
            found=found,
            search=search,
            searched_name=canonical(search),
            typed=typed,
        )


class Account(_AdminPage):
    """One account, and what can be done about it."""

    @web.authenticated
    @needs_scope("admin:users")  # type: ignore[untyped-decorator]
    async def get(self, name: str) -> None:
        await self._show(name)

    @web.authenticated
    @needs_scope("admin:users")  # type: ignore[untyped-decorator]
    async def post(self, name: str) -> None:
        do = self._actions().get(self.line("action"))
        if do is None:
            raise self.mistake(NO_ACTION, status=400)
        try:
            await do(name)
        except web.HTTPError as error:
            await self._show(name, error)

    def _actions(self) -> dict[str, Callable[[str], Awaitable[None]]]:
        return {
            "issue": self.issue,
            "reset": self._reset,
            "disable": self._disable,
            "enable": self._enable,
            "unlock": self._unlock,
        }

    async def _show(self, name: str, error: web.HTTPError | None = None) -> None:
        row = await self.in_thread(row_of, self.store, self.authenticator.throttle, name, now=time.time())
        await self.answer("otp_account.html", error=error, row=row)

    async def _reset(self, name: str) -> None:
        if self.line("confirmed") != "yes":
            await self.answer("otp_reset.html", account=name)
            return
        await self.in_thread(self._take_away, name)
        await self._end_sessions(name, "reset")
        await self.done(name, "reset")
        self._back(name)

    def _take_away(self, name: str) -> None:
        self.store.enrolments.withdraw(name)  # first: nobody must begin an enrolment meanwhile
        self.store.tokens.remove(name)  # with the enrolment that is under way
        self.store.recovery.remove(name)

    async def _disable(self, name: str) -> None:
        if await self.in_thread(self.store.tokens.disable, name, why="administrator"):
            await self._end_sessions(name, "disabled")
            await self.done(name, "disabled")
        self._back(name)

    async def _enable(self, name: str) -> None:
        if await self.in_thread(self.store.tokens.enable, name):
            await self.done(name, "enabled")
        self._back(name)

    async def _unlock(self, name: str) -> None:
        if await self.in_thread(self.authenticator.throttle.unlock, name):
            await self.done(name, "unlocked")
        self._back(name)

    async def _end_sessions(self, name: str, reason: str) -> None:
        """End the person's sessions: here at once, in other hubs of this store within seconds."""
        try:
            await self.authenticator.watch.revoke(name, reason=reason, by=self.who)
        except SQLAlchemyError as error:
            self.log.error("The sessions of %s could not be ended: %s", name, type(error).__name__)
            raise silence(self, SESSIONS_GO_ON) from None

    def _back(self, name: str) -> None:
        self.go(f"otp/admin/{name}")
