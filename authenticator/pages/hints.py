"""What the home page tells somebody: news of their second factor, and of a password about to expire."""

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

import texts
from authenticator.errors import Unavailable
from authenticator.expiry import Expiry
from authenticator.pages.words import Sentence, told

__all__ = ["Hints", "hints_for"]

DAY_SECONDS: Final = 86_400
PATIENCE: Final = 1.0  # seconds that the home page waits for a store that hangs
NEWEST: Final = 3  # the page they link to has all

TODAY: Final = texts.mark("Your password expires today. Change it before you cannot log in any more.")
TOMORROW: Final = texts.mark("Your password expires tomorrow.")
LATER: Final = texts.mark("Your password expires in %(days)d days.")
GRACE: Final = texts.mark("Your password has expired. You can log in with it %(logins)d more times.")


@dataclass(frozen=True, slots=True)
class Hints:
    """Sentences for one person; false when there are none."""

    password: Sentence | None
    password_url: str
    news: Sequence[Sentence]

    def __bool__(self) -> bool:
        return bool(self.password or self.news)


async def hints_for(authenticator: Any, name: str) -> Hints:
    """Return what this person should be told; the home page comes without, rather than not at all."""
    unseen = partial(authenticator.store.notices.unseen, name)
    try:
        notices = await asyncio.wait_for(authenticator.in_thread(unseen), PATIENCE)
        news = [told(notice).sentence for notice in notices]
    except (TimeoutError, Unavailable, SQLAlchemyError) as error:
        authenticator.log.warning("What %s should be told is not known: %s", name, type(error).__name__)
        news = []
    password = _password(authenticator.expiries.of(name), time.time())
    return Hints(password, authenticator.password_url, news[-NEWEST:])


def _password(expiry: Expiry | None, now: float) -> Sentence | None:
    match expiry:
        case Expiry(grace_logins=int() as logins):
            return GRACE, {"logins": logins}
        case Expiry(at=float() | int() as at):
            days = math.floor((at - now) / DAY_SECONDS)
            if days < 1:
                return TODAY, {}
            return (TOMORROW, {}) if days == 1 else (LATER, {"days": days})
    return None
