"""What all factors have in common whose codes somebody else's server checks."""

import hashlib
import hmac
import re
import secrets
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

from sqlalchemy.exc import SQLAlchemyError
from traitlets import Int

from authenticator import passcode
from authenticator.errors import Refused, Unavailable
from authenticator.factors.interface import Attempt, Proof, SecondFactor
from authenticator.store import Store
from authenticator.workers import Deadline

__all__ = ["LONGEST_CODE", "OthersFactor", "SentCodes", "SentOnce", "code_for_others"]

LONGEST_CODE: Final = 64
MOST_REMEMBERED: Final = 50_000

_PRINTABLE: Final = re.compile(rf"[ -~]{{1,{LONGEST_CODE}}}")


class SentOnce(Protocol):
    """Remembers what was sent for whom. Called in worker threads."""

    def claim(self, user: str, sent: bytes, *, now: float, seconds: int) -> bool:
        """Return True to exactly one of all who claim the same within so many seconds."""


class SentCodes:
    """Remembers in this process what was sent, as keyed digests; bounded, and gone with the process."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._key = secrets.token_bytes(32)
        self._most = most
        self._until: dict[bytes, float] = {}
        self._lock = threading.Lock()

    def claim(self, user: str, sent: bytes, *, now: float, seconds: int) -> bool:
        digest = hmac.digest(self._key, user.encode() + b"\0" + sent, hashlib.sha256)
        with self._lock:
            if self._until.get(digest, now) > now:
                return False
            self._until.pop(digest, None)
            self._forget(now)
            self._until[digest] = now + seconds
            return True

    def _forget(self, now: float) -> None:
        # A dictionary keeps the order of insertion: the oldest stand first.
        while self._until:
            oldest = next(iter(self._until))
            if self._until[oldest] > now and len(self._until) < self._most:
                return
            del self._until[oldest]


class OthersFactor(SecondFactor):
    """A factor whose codes another server checks, and uses up.

    Not every server does the latter well (FreeRADIUS 3.2's rlm_totp forgets used codes, OpenLDAP's slapo-otp
    lets two binds at the same instant pass), so what was sent once is not sent again for a while. The
    authenticator's store remembers it for all hubs; without one, this process does.
    """

    send_again_after = Int(
        300,
        min=0,
        help="""Seconds for which what was sent for somebody is not sent again, whether it was right or wrong:
        a code works once, however well the server remembers. 0: leave it to the server.""",
    ).tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.clock: Callable[[], float] = time.time
        self._own: SentOnce = SentCodes()

    @property
    def sent(self) -> SentOnce:
        """Who remembers what was sent."""
        store: Store | None = getattr(self.parent, "store", None)
        return self._own if store is None else store.sent

    def check(self, attempt: Attempt, deadline: Deadline) -> Proof:
        code = code_for_others(attempt.code)
        secret = self.secret(attempt, code)
        deadline.limit(1)  # it may have waited for a thread; then the code must stay usable
        if self.send_again_after and not self._claim(attempt.name, secret):
            raise Refused("otp_used")
        return self.ask(attempt, code, deadline)

    def _claim(self, user: str, secret: bytes) -> bool:
        try:
            return self.sent.claim(user, secret, now=self.clock(), seconds=self.send_again_after)
        except SQLAlchemyError as error:
            raise Unavailable("store", type(error).__name__) from None

    def secret(self, _attempt: Attempt, code: str) -> bytes:
        """Return what goes out with the code in it, or raise `Refused` when that cannot be.

        Where password and code go out as one, it is both: the same could be split elsewhere.
        """
        return code.encode()

    @abstractmethod
    def ask(self, attempt: Attempt, code: str, deadline: Deadline) -> Proof:
        """Do what `check` is for, with a code of the right shape that was not sent before."""

    def reach(self, _deadline: Deadline) -> Iterator[tuple[str, str]]:
        """Yield each server and what is wrong with it, or "" when it answers; nobody is named to it."""
        yield from ()


def code_for_others(typed: str) -> str:
    """Return the code as a server of any make is told it.

    Six or eight digits lose the blanks and hyphens that apps show in them. Anything else (a PIN and a code, a
    YubiKey's 44 letters, words) goes out as typed, without the blanks around it.

    Raises
    ------
    Refused
        When it cannot be a code: empty, too long, or not printable ASCII.

    >>> code_for_others(" 123 456 "), code_for_others("pin-123456")
    ('123456', 'pin-123456')
    """
    code = passcode.normalise(typed) or typed.strip(" \t\u00a0")
    if not _PRINTABLE.fullmatch(code):
        raise Refused("otp_syntax")
    return code
