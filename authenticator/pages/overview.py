"""/hub/otp: for strangers the beginning of an enrolment, for who is logged in all about their own device."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tornado import web

import texts
from authenticator.factors.interface import How
from authenticator.pages.page import Page
from authenticator.pages.pending import begin
from authenticator.pages.words import Sentence, Told, told, why_words
from authenticator.store import Store

__all__ = ["Begin", "Overview", "Seen"]

FEW_CODES: Final = 3
NO_CODE: Final = texts.mark(
    "Setting up a device needs a code, whoever you are. Ask your administrator for one."
)


@dataclass(frozen=True, slots=True)
class Own:
    """What somebody may know about their own second factor."""

    label: str
    created: datetime | None
    last_used: datetime | None
    why: Sentence | None
    left: int
    told: tuple[Told, ...]

    @property
    def few(self) -> bool:
        return self.left < FEW_CODES

    @classmethod
    def of(cls, store: Store, name: str) -> "Own":
        listing = store.tokens.listed(name)
        return cls(
            label=listing.label if listing else "",
            created=listing.created if listing else None,
            last_used=listing.last_used if listing else None,
            why=why_words(listing.why) if listing and listing.disabled else None,
            left=store.recovery.left(name),
            told=tuple(map(told, store.notices.unseen(name))),
        )


class Begin(Page):
    """Who wants to set up a device says who they are: with a code, and the password."""

    async def ask(self, error: web.HTTPError | None = None) -> None:
        """Show the form."""
        username = "" if self.who else self.line("username")
        await self.answer("otp_begin.html", error=error, username=username)

    async def post(self) -> None:
        if await self.elsewhere():
            return
        if not self.line("otp"):
            await self.ask(self.mistake(NO_CODE))
            return
        try:
            admission = await self.authenticator.admit(self, self.credentials())
        except web.HTTPError as error:
            await self.ask(error)
            return
        if admission.how is How.EXEMPT:
            # The password alone must not be enough to put a device in the place of somebody's.
            await self.ask(self.authenticator.refusal(self))
            return
        await begin(self, admission.person, admission.how)


class Overview(Begin):
    """The same address, where people who are logged in see how things stand."""

    async def get(self) -> None:
        if await self.elsewhere():
            return
        if not self.who:
            await self.ask()
            return
        own = await self.in_thread(Own.of, self.store, self.who)
        await self.answer("otp_overview.html", own=own)


class Seen(Page):
    """Who has read what happened need not be told again."""

    @web.authenticated
    async def post(self) -> None:
        newest = self.line("up_to")
        if not (newest.isascii() and newest.isdecimal() and len(newest) < 19):
            raise web.HTTPError(400)
        # Not what happened since the page was shown.
        await self.in_thread(self.store.notices.seen, self.who, up_to=int(newest))
        self.go("otp")
