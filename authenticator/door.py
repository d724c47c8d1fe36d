"""The order of the checks at the door, as one blocking function that runs in a worker thread.

Throttle, syntax, second factor, one bind, groups. With our own tokens, somebody without the token never
reaches the directory, so nobody can lock another's account there by guessing.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy.exc import SQLAlchemyError

from authenticator.audit import safe_name
from authenticator.credentials import LONGEST_PASSWORD, Credentials, canonical, is_text
from authenticator.directory import Directory, Person
from authenticator.errors import PasswordExpired, Refused, Unavailable
from authenticator.factors import Attempt, How, Proof, SecondFactor
from authenticator.factors.exempt import Exemptions
from authenticator.throttle import Outcome, Throttle
from authenticator.workers import Deadline

__all__ = ["Admission", "Door", "Prove"]


class Prove(Protocol):
    """Another way to prove the second factor than the usual one, such as two codes in a row."""

    def __call__(self, attempt: Attempt, deadline: Deadline) -> Proof:
        """Return the proof, or raise `Refused` or `Unavailable`."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Somebody whose code and password are right."""

    person: Person
    how: How


class Door:
    """Lets people in, or says why not.

    Parameters
    ----------
    locked
        Told the name and the address of an attempt that has locked an account; called in the worker thread.
    """

    def __init__(
        self,
        *,
        throttle: Throttle,
        factor: SecondFactor,
        exemptions: Exemptions,
        directory: Directory,
        locked: Callable[[str, str], None],
        log: logging.Logger | logging.LoggerAdapter[Any],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._throttle = throttle
        self._factor = factor
        self._exemptions = exemptions
        self._directory = directory
        self._locked = locked
        self._log = log
        self._clock = clock

    def check(
        self, credentials: Credentials, address: str, deadline: Deadline, prove: Prove | None = None
    ) -> Admission:
        """Return who this is, or raise `Refused` or `Unavailable`."""
        try:
            return self._counted(credentials, address, deadline, prove or self._prove)
        except SQLAlchemyError as error:
            self._log.error("The token store does not work: %s", type(error).__name__)
            raise Unavailable("store", type(error).__name__) from None

    def _counted(self, credentials: Credentials, address: str, deadline: Deadline, prove: Prove) -> Admission:
        name = canonical(credentials.username)
        counted = name or safe_name(credentials.username)
        self._throttle.reserve(counted, address, now=self._clock())
        outcome = Outcome.UNAVAILABLE
        try:
            admission = self._check(name, credentials, address, deadline, prove)
            outcome = Outcome.SUCCEEDED
        except PasswordExpired:
            # All that was typed is right: it is no guess.
            outcome = Outcome.SUCCEEDED
            raise
        except Refused:
            outcome = Outcome.REFUSED
            raise
        finally:
            if self._throttle.settle(counted, address, outcome, now=self._clock()):
                self._locked(name or "?", address)
        return admission

    def _check(
        self, name: str | None, credentials: Credentials, address: str, deadline: Deadline, prove: Prove
    ) -> Admission:
        if name is None:
            raise Refused("name_syntax")
        if not 1 <= len(credentials.password) <= LONGEST_PASSWORD or not is_text(credentials.password):
            raise Refused("password_syntax")
        attempt = Attempt(name, credentials.otp, credentials.password, address)
        # A code is not used up for a directory that is known to be down.
        self._directory.raise_if_down()
        proof = prove(attempt, deadline)
        person = self._directory.check(name, proof.password, deadline, controls=proof.controls)
        proof.settle()
        return Admission(person, proof.how)

    def _prove(self, attempt: Attempt, deadline: Deadline) -> Proof:
        if self._exemptions and not attempt.code.strip():
            return self._exemptions.check(attempt, self._directory, deadline)
        return self._factor.check(attempt, deadline)
