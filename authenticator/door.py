"""The order of the checks at the door, as one blocking function that runs in a worker thread.

Throttle, syntax, one-time password, one bind, groups. Somebody without the token never reaches the
directory, so nobody can lock another's account there by guessing. A code is used up before the password is
looked at, and stays so when that is wrong or the directory does not answer.
"""

import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, Self

from sqlalchemy.exc import SQLAlchemyError

from authenticator import passcode
from authenticator.audit import safe_name
from authenticator.directory import Person
from authenticator.errors import Refused, Unavailable
from authenticator.store import TokenStore, UnreadableTokenError
from authenticator.throttle import Outcome, Throttle
from authenticator.workers import Deadline

__all__ = ["FIELDS", "NAME", "Credentials", "Door", "PasswordCheck"]

FIELDS: Final = ("username", "otp", "password")
NAME: Final = re.compile(r"[a-z_][a-z0-9._-]{0,31}")
LONGEST_PASSWORD: Final = 1024


class PasswordCheck(Protocol):
    """Whoever can tell if a password is right: the directory."""

    def check(self, name: str, password: bytes, deadline: Deadline) -> Person:
        """Return the person, or raise `Refused` or `Unavailable`."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What somebody typed, of the right shape but otherwise unchecked."""

    username: str
    otp: str = field(repr=False)
    password: bytes = field(repr=False)

    @classmethod
    def parse(cls, data: object) -> Self:
        """Take the three fields, as text or bytes, and nothing else.

        Raises
        ------
        Refused
            When a field is missing, or there is one too many, or one is not text.
        """
        if not isinstance(data, Mapping) or set(data) != set(FIELDS):
            raise Refused("form", "the form has other fields than it should")
        username, otp, password = (_bytes(data[name]) for name in FIELDS)
        try:
            return cls(username.decode(), otp.decode(), password)
        except UnicodeDecodeError:
            raise Refused("form", "a field is not UTF-8") from None


class Door:
    """Lets people in, or says why not."""

    def __init__(
        self,
        *,
        throttle: Throttle,
        store: TokenStore,
        directory: PasswordCheck,
        window: int,
        log: logging.Logger | logging.LoggerAdapter[Any],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._throttle = throttle
        self._store = store
        self._directory = directory
        self._window = window
        self._log = log
        self._clock = clock

    def check(self, credentials: Credentials, address: str, deadline: Deadline) -> Person:
        """Return who this is, or raise `Refused` or `Unavailable`."""
        name = canonical(credentials.username)
        counted = name or safe_name(credentials.username)
        if self._throttle.reserve(counted, address) > 0:
            raise Refused("throttled")
        outcome = Outcome.UNAVAILABLE
        try:
            person = self._check(name, credentials, deadline)
            outcome = Outcome.SUCCEEDED
        except Refused:
            outcome = Outcome.REFUSED
            raise
        finally:
            self._throttle.settle(counted, address, outcome)
        return person

    def _check(self, name: str | None, credentials: Credentials, deadline: Deadline) -> Person:
        code = passcode.normalise(credentials.otp)
        if name is None:
            raise Refused("name_syntax")
        if code is None:
            raise Refused("otp_syntax")
        if not 1 <= len(credentials.password) <= LONGEST_PASSWORD or not _is_text(credentials.password):
            raise Refused("password_syntax")
        deadline.limit(1)  # it may have waited for a thread; then the code must stay usable
        try:
            self._use_up(name, code)
        except SQLAlchemyError as error:
            self._log.error("The token store does not work: %s", type(error).__name__)
            raise Unavailable("store", type(error).__name__) from None
        return self._directory.check(name, credentials.password, deadline)

    def _use_up(self, name: str, code: str) -> None:
        try:
            token = self._store.token(name)
        except UnreadableTokenError as error:
            self._log.error("The token of %s cannot be read: %s", name, error)
            raise Refused("token_unreadable") from None
        if token is None:
            raise Refused("no_token")
        if len(code) != token.seed.digits:
            raise Refused("otp_wrong")
        steps = passcode.matching_steps(token.seed, code, now=self._clock(), window=self._window)
        if not steps:
            raise Refused("otp_wrong")
        newer = [step for step in steps if step > token.last_step]
        if not newer or not self._store.claim(token.id, newer[0]):
            raise Refused("otp_used")


def canonical(text: str) -> str | None:
    """Return the name as directory, store and hub know it, or None when it cannot be one.

    >>> canonical(" A1113a01 "), canonical("a*"), canonical("\u212aim")
    ('a1113a01', None, None)
    """
    # Before lower-casing: the Kelvin sign, for one, becomes an ordinary k.
    name = text.strip(" ").lower() if text.isascii() else ""
    return name if NAME.fullmatch(name) else None


def _is_text(password: bytes) -> bool:
    # Browsers send nothing else, and ldap3 fails on it.
    try:
        password.decode()
    except UnicodeDecodeError:
        return False
    return True


def _bytes(value: object) -> bytes:
    match value:
        case bytes():
            return value
        case str():
            # A lone surrogate (JSON can carry one) does not encode; it then fails to decode as well.
            return value.encode("utf-8", "surrogatepass")
    raise Refused("form", "a field is not text")
