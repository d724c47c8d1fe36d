"""/hub/otp/replace, /codes and /resync: what people do about their own device, with code and password."""

import time
from functools import partial
from typing import Final

from tornado import web

import texts
from authenticator.factors.codes import Kind, read_code
from authenticator.factors.interface import How
from authenticator.pages.overview import Begin
from authenticator.pages.page import Page
from authenticator.pages.recovery import show_codes

__all__ = ["Codes", "Replace", "Resync"]

NEEDS_DEVICE: Final = texts.mark(
    "New recovery codes need a one-time password of your device. With a recovery or enrolment code, set up a "
    "device first."
)


class Replace(Begin):
    """Another device in the place of the present one, for who is logged in."""

    @web.authenticated
    async def get(self) -> None:
        if not await self.elsewhere():
            await self.ask()


class Codes(Page):
    """Ten new recovery codes in the place of those there are."""

    @web.authenticated
    async def get(self) -> None:
        if not await self.elsewhere():
            await self._form()

    @web.authenticated
    async def post(self) -> None:
        if await self.elsewhere():
            return
        code = read_code(self.line("otp"))
        if code is not None and code.kind is not Kind.OTP:
            # Before the door looks at it: a recovery code would be used up, and the device shut out.
            await self._form(self.mistake(NEEDS_DEVICE))
            return
        try:
            admission = await self.authenticator.admit(self, self.credentials())
        except web.HTTPError as error:
            await self._form(error)
            return
        if admission.how is not How.OTP:
            await self._form(self.authenticator.refusal(self))
            return
        codes = await self.in_thread(self.store.recovery.replace, self.who, now=time.time())
        self.note("codes_replaced", user=self.who)
        await self.tell(self.who, "codes_replaced")
        await show_codes(self, codes, account=self.who, enrolled=False)

    async def _form(self, error: web.HTTPError | None = None) -> None:
        await self.answer("otp_new_codes.html", error=error)


class Resync(Page):
    """Finds out by two codes in a row how wrong a device's clock goes, and goes by it from then on."""

    async def get(self) -> None:
        if not await self.elsewhere():
            await self._form()

    async def post(self) -> None:
        if await self.elsewhere():
            return
        prove = partial(self.authenticator.factor.resync, second=self.line("second"))
        try:
            admission = await self.authenticator.admit(self, self.credentials(), prove=prove)
        except web.HTTPError as error:
            await self._form(error)
            return
        name = admission.person.name
        seconds = await self.in_thread(self._how_wrong, name)
        self.note("resync", user=name)
        await self.answer("otp_resynced.html", seconds=seconds)

    def _how_wrong(self, name: str) -> int:
        """Return by how many seconds the device's clock is ahead."""
        token = self.store.tokens.get(name)
        return 0 if token is None else token.drift * token.seed.interval

    async def _form(self, error: web.HTTPError | None = None) -> None:
        username = "" if self.who else self.line("username")
        await self.answer("otp_resync.html", error=error, username=username)
