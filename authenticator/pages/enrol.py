"""/hub/otp/enrol: the secret is shown, a code proves that a device has it, recovery codes follow."""

import math
import time
from typing import Final

import texts
from authenticator import passcode
from authenticator.pages.page import Page
from authenticator.pages.pending import forget, pending_id
from authenticator.pages.picture import Picture
from authenticator.pages.recovery import show_codes
from authenticator.store import Pending

__all__ = ["Enrol"]

NOT_SIX_DIGITS: Final = texts.mark("A one-time password has six digits. Type those that your app shows now.")
WRONG_CODE: Final = texts.mark(
    "That code is not right. Wait for the next one and type it; if it is refused again, "
    "set your phone's clock to automatic."
)


class Enrol(Page):
    """Carries on the enrolment that the browser's cookie names."""

    async def get(self) -> None:
        pending = await self._pending()
        if pending is None:
            await self._ended()
        else:
            await self._show(pending)

    async def post(self) -> None:
        pending = await self._pending()
        if pending is None:
            await self._ended(status=403)
            return
        code = passcode.normalise(self.line("otp"))
        if code is None or len(code) != pending.seed.digits:
            await self._show(pending, NOT_SIX_DIGITS)
            return
        codes = await self.in_thread(
            self.store.enrolments.confirm,
            pending_id(self),
            code,
            label=self.line("label", 40),
            window=self.authenticator.otp_window,
            now=time.time(),
        )
        if codes is None:
            self.note("enrolled", user=pending.user, result="refused", reason="otp_wrong")
            await self._once_more()
        else:
            await self._done(pending, codes)

    async def _pending(self) -> Pending | None:
        """Return the enrolment, unless it is over, or somebody else's than who is logged in."""
        name = pending_id(self)
        if name is None or not self.authenticator.factor.enrols:
            return None
        pending = await self.in_thread(self.store.enrolments.pending, name, now=time.time())
        return pending if pending is not None and self.who in {"", pending.user} else None

    async def _once_more(self) -> None:
        pending = await self._pending()
        if pending is None:
            await self._ended(status=403)
        else:
            await self._show(pending, WRONG_CODE)

    async def _done(self, pending: Pending, codes: tuple[str, ...]) -> None:
        forget(self)
        self.note("enrolled", user=pending.user, reason=pending.how)
        await self.tell(pending.user, "enrolled")
        await show_codes(self, codes, account=pending.user, enrolled=True)

    async def _show(self, pending: Pending, problem: str = "") -> None:
        picture = Picture.of(pending.seed, issuer=self.authenticator.otp_issuer, user=pending.user)
        await self.answer(
            "otp_enrol.html",
            error=self.mistake(problem) if problem else None,
            picture=picture,
            account=pending.user,
            issuer=self.authenticator.otp_issuer,
            minutes=max(1, math.floor((pending.expires.timestamp() - time.time()) / 60)),
            tries_left=pending.tries_left,
            label=self.line("label", 40),
        )

    async def _ended(self, status: int = 200) -> None:
        forget(self)
        self.set_status(status)
        await self.answer("otp_ended.html")
