"""The one time that recovery codes are shown: on a page, and as a file that needs no second request."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

import texts
from authenticator.pages.page import Page

__all__ = ["show_codes"]

BYTE_ORDER_MARK: Final = "\ufeff"
HEADING: Final = texts.mark("Recovery codes of the account %(account)s (%(issuer)s)")
USE: Final = texts.mark("Each works once, in the place of the one-time password.")


async def show_codes(page: Page, codes: Sequence[str], *, account: str, enrolled: bool) -> None:
    """Answer with ten codes; `enrolled` when a device has just been set up as well."""
    heading = page.say(HEADING, account=account, issuer=page.authenticator.otp_issuer)
    # The line ends of Windows, whose editor shows them right; the others do not mind.
    file = "\r\n".join([heading, "", *codes, "", page.say(USE), ""])
    await page.answer(
        "otp_codes.html",
        codes=codes,
        account=account,
        enrolled=enrolled,
        # A byte-order mark, so that every editor reads Korean.
        file=f"data:text/plain;charset=utf-8,{quote(BYTE_ORDER_MARK + file, safe='')}",
    )
