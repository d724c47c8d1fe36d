"""An enrolment under way: begun by who has proved who they are, carried on by the browser's cookie.

The cookie is signed, unreadable to scripts, sent by no other site, and goes to these pages only. What it
names is in the store, under a digest.
"""

import time
from functools import partial
from typing import Any, Final

from jupyterhub.handlers.base import BaseHandler
from sqlalchemy.exc import SQLAlchemyError

from authenticator.directory import Person
from authenticator.errors import Unavailable
from authenticator.factors.interface import How
from authenticator.pages.page import silence
from authenticator.passcode import Seed, make_secret

__all__ = ["COOKIE", "MINUTES", "begin", "forget", "pending_id"]

COOKIE: Final = "hpchub-enrolment"
MINUTES: Final = 15
_DAYS: Final = MINUTES / (24 * 60)


async def begin(handler: BaseHandler, person: Person, how: How) -> None:
    """Start an enrolment for who has just been admitted, and lead the browser to it.

    An earlier one of the same person ends by it.
    """
    authenticator = handler.authenticator
    start = partial(
        authenticator.store.enrolments.begin,
        person.name,
        Seed(make_secret()),
        how=how.value,
        now=time.time(),
        minutes=MINUTES,
    )
    try:
        name = await authenticator.in_thread(start)
    except (Unavailable, SQLAlchemyError):
        raise silence(handler) from None
    _set(handler, name)
    handler.redirect(f"{_path(handler)}/enrol", status=303)


def pending_id(handler: BaseHandler) -> str | None:
    """Return the enrolment that the browser carries on, if we signed its cookie not too long ago."""
    value: bytes | None = handler.get_signed_cookie(COOKIE, max_age_days=_DAYS)
    return None if value is None else value.decode("ascii", "replace")


def forget(handler: BaseHandler) -> None:
    """Take the cookie back."""
    handler.clear_cookie(COOKIE, path=_path(handler))


def _set(handler: BaseHandler, value: str) -> None:
    options: dict[str, Any] = {
        "path": _path(handler),
        "expires_days": None,
        "max_age": MINUTES * 60,
        "httponly": True,
        "samesite": "Strict",
        "secure": _is_secure(handler),
    }
    handler.set_signed_cookie(COOKIE, value, **options)


def _path(handler: BaseHandler) -> str:
    return f"{handler.hub.base_url}otp"


def _is_secure(handler: BaseHandler) -> bool:
    public_url = handler.settings.get("public_url")
    scheme = public_url.scheme if public_url else handler.request.protocol
    return bool(scheme == "https")
