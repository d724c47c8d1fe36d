"""Our own one-time passwords: tokens, recovery codes and enrolment codes from the store."""

import logging
import time
from collections.abc import Callable
from typing import Any

import texts
from authenticator import passcode
from authenticator.errors import Refused
from authenticator.factors.codes import Code, Kind, read_code
from authenticator.factors.interface import Attempt, How, Proof, SecondFactor
from authenticator.store import RECOVERED, Store, Token, UnreadableTokenError
from authenticator.workers import Deadline

__all__ = ["TokenFactor"]


class TokenFactor(SecondFactor):
    """Codes of RFC 6238 from seeds that we keep.

    A code is used up before the password is looked at, and stays so when that is wrong. Recovery and
    enrolment codes are only looked at then, and used up later: there are few of them, and nobody guesses 80
    random bits.
    """

    title = texts.mark("an authenticator app")
    enrols = True

    def __init__(
        self,
        *,
        store: Store,
        window: int,
        log: logging.Logger | logging.LoggerAdapter[Any],
        clock: Callable[[], float] = time.time,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._store = store
        self._window = window
        self._log = log
        self._clock = clock

    def check(self, attempt: Attempt, deadline: Deadline) -> Proof:
        code = read_code(attempt.code)
        if code is None:
            raise Refused("otp_syntax")
        deadline.limit(1)  # it may have waited for a thread; then the code must stay usable
        match code.kind:
            case Kind.OTP:
                self._use_up(attempt.name, code.text)
                return Proof(How.OTP, attempt.password)
            case Kind.RECOVERY:
                return self._recovery(attempt, code)
            case Kind.ENROLMENT:
                return self._enrolment(attempt, code)

    def resync(self, attempt: Attempt, deadline: Deadline, *, second: str) -> Proof:
        """Find a drifted clock by two codes in a row (RFC 4226 §7.4), `attempt.code` being the first.

        The first is used up now; the second, and the new drift, once the password has proved right.
        """
        codes = [read_code(each) for each in (attempt.code, second)]
        if any(code is None or code.kind is not Kind.OTP for code in codes):
            raise Refused("otp_syntax")
        deadline.limit(1)
        token = self._token(attempt.name)
        first_text, second_text = (code.text for code in codes if code is not None)
        now = self._clock()
        found = passcode.consecutive_steps(token.seed, first_text, second_text, now=now)
        if found is None:
            raise Refused("otp_wrong")
        step, drift = found
        if not self._store.tokens.claim(token.id, step - 1, now=now):
            raise Refused("otp_used")

        def settle() -> None:
            if not self._store.tokens.resync(token.id, step, drift, now):
                raise Refused("otp_used")

        return Proof(How.OTP, attempt.password, settle=settle)

    def _token(self, name: str) -> Token:
        try:
            token = self._store.tokens.get(name)
        except UnreadableTokenError as error:
            self._log.error("The token of %s cannot be read: %s", name, error)
            raise Refused("token_unreadable") from None
        if token is None:
            raise Refused("no_token")
        if token.disabled:
            raise Refused("token_disabled")
        return token

    def _use_up(self, name: str, code: str) -> None:
        token = self._token(name)
        if len(code) != token.seed.digits:
            raise Refused("otp_wrong")
        now = self._clock()
        steps = passcode.matching_steps(token.seed, code, now=now, window=self._window, drift=token.drift)
        if not steps:
            raise Refused("otp_wrong")
        newer = [step for step in steps if step > token.last_step]
        if not newer:
            raise Refused("otp_used")
        drift = newer[0] - passcode.step_at(
            token.seed, now
        )  # followed (RFC 6238 §6) as far as the store allows
        if not self._store.tokens.claim(token.id, newer[0], drift=drift, now=now):
            raise Refused("otp_used")

    def _recovery(self, attempt: Attempt, code: Code) -> Proof:
        name = attempt.name
        self._not_disabled(name)
        code_id = self._store.recovery.check(name, code.text)
        if code_id is None:
            raise Refused("recovery_wrong")

        def settle() -> None:
            now = self._clock()
            if not self._store.recovery.use(code_id, now=now):
                raise Refused("recovery_wrong")
            self._store.tokens.disable(name, why=RECOVERED)
            self._store.notices.add(name, "recovery_used", by=name, now=now)

        return Proof(How.RECOVERY, attempt.password, settle=settle)

    def _enrolment(self, attempt: Attempt, code: Code) -> Proof:
        self._not_disabled(attempt.name)
        if not self._store.enrolments.valid(attempt.name, code.text, now=self._clock()):
            raise Refused("enrolment_wrong")
        return Proof(How.ENROLMENT, attempt.password)

    def _not_disabled(self, name: str) -> None:
        """Keep out whom an administrator shut out, whatever codes there are left."""
        why = self._store.tokens.disabled_why(name)
        if why not in {None, RECOVERED}:
            raise Refused("token_disabled")
