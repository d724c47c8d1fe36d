"""The order of the checks at the door, as one blocking function that runs in a worker thread.

Throttle, syntax, one-time password, one bind, groups. Somebody without the token never reaches the
directory, so nobody can lock another's account there by guessing. A code is used up before the password is
looked at, and stays so when that is wrong or the directory does not answer.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, Protocol

from sqlalchemy.exc import SQLAlchemyError

from authenticator import passcode
from authenticator.audit import safe_name
from authenticator.credentials import LONGEST_PASSWORD, Credentials, canonical, is_text
from authenticator.directory import Person
from authenticator.errors import Refused, Unavailable
from authenticator.store import TokenStore, UnreadableTokenError
from authenticator.throttle import Outcome, Throttle
from authenticator.workers import Deadline

__all__ = ["Door", "PasswordCheck", "canonical"]


class PasswordCheck(Protocol):
    """Whoever can tell if a password is right: the directory."""

    def check(self, name: str, password: bytes, deadline: Deadline) -> Person:
        """Return the person, or raise `Refused` or `Unavailable`."""


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
        if not 1 <= len(credentials.password) <= LONGEST_PASSWORD or not is_text(credentials.password):
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
