"""`Throttle`: slows guessers down, by account and by address, for all hubs that share a store.

An attempt is counted as a failure before anything of it is checked; `settle` then says how it ended. So of
attempts made in parallel no more are looked at than of the same made one after the other, and a hub that is
killed in between leaves a failure behind: it cannot know what was about to be found, and who could make it
crash would otherwise guess for nothing.
"""

import datetime
import enum
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from authenticator import metrics
from authenticator.audit import safe_name
from authenticator.errors import Throttled, Unavailable
from authenticator.store.attempts import Attempts, Counter, Subject
from authenticator.throttle.networks import bucket, is_nowhere
from authenticator.throttle.policy import IN_FLIGHT, AddressRule, steadied
from authenticator.throttle.settings import ThrottleSettings

__all__ = ["Locked", "Outcome", "Throttle"]

DAY_SECONDS: Final = 86_400
PRUNE_EVERY: Final = 128


class Outcome(enum.Enum):
    """How a login ended, as far as counting goes."""

    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Locked:
    """An account that waits or is locked; `user` is empty when it is none of the names that were given."""

    user: str
    failures: int
    last: datetime.datetime
    seconds: float | None  # to wait; None: until an administrator unlocks it


class Throttle(ThrottleSettings):
    """Decides whether a login is looked at. Blocks on the store, so call it in a worker thread.

    Names that do not exist are counted like those that do. The store holds keyed digests of both names and
    addresses: people type passwords into the name's field.
    """

    listed_at_most = 1000

    def __init__(self, *, attempts: Attempts, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._attempts = attempts
        self._new_rows = itertools.count()
        self._said = False

    # ----- at the door ----------------------------------------------------------------------

    def reserve(self, user: str, address: str, *, now: float) -> None:
        """Count an attempt as a failure; then it may be looked at.

        Raises
        ------
        Throttled
            It must not be looked at, and was not counted.
        Unavailable
            The store does not work: nobody gets in.
        """
        try:
            self._reserve(user, address, now)
        except SQLAlchemyError as error:
            self.log.error("The store of failed logins does not work: %s", type(error).__name__)
            raise Unavailable("store", type(error).__name__) from None

    def settle(self, user: str, address: str, outcome: Outcome, *, now: float) -> bool:
        """Say how an attempt that was let through ended; True when it has locked the account just now.

        A success forgets the account's failures; what is nobody's fault leaves everything as it was.
        """
        subjects = self._subjects(user, address)
        try:
            match outcome:
                case Outcome.SUCCEEDED:
                    self._attempts.succeeded(*subjects, charge=-IN_FLIGHT)
                case Outcome.REFUSED:
                    counter = self._attempts.failed(*subjects, charge=1 - IN_FLIGHT)
                    return self.account_rule.locked(counter)
                case Outcome.UNAVAILABLE:
                    self._give_back(subjects, self.address_rule(address), now)
        except SQLAlchemyError as error:
            # The answer to this login stands; its reservation stays, as a failure.
            self.log.error("The store of failed logins does not work: %s", type(error).__name__)
        return False

    def _reserve(self, user: str, address: str, now: float) -> None:
        subjects, rule = self._subjects(user, address), self.address_rule(address)
        found = self._attempts.find(*subjects)
        steady = _steady(found, now)
        if steady == found:
            # The common end of a flood: one SELECT, no lock, nothing written.
            self._pass(address, rule, found, now)

        def decide(held: tuple[Counter, ...]) -> tuple[Counter, ...] | None:
            steady = _steady(held, now)
            if self._refusal(rule, steady, now) is None:
                return rule.reserved(steady[0], now), self.account_rule.reserved(steady[1], now)
            return steady if steady != held else None

        held = self._attempts.change(subjects, decide)
        self._pass(address, rule, _steady(held, now), now)
        for counter in held:
            if counter.last == 0 and next(self._new_rows) % PRUNE_EVERY == 0:
                self._prune(now)

    def _pass(self, address: str, rule: AddressRule, counters: tuple[Counter, ...], now: float) -> None:
        if refusal := self._refusal(rule, counters, now):
            if refusal.reason == "throttled_address":
                self._suspect(address)
            raise refusal

    def _refusal(self, rule: AddressRule, counters: tuple[Counter, ...], now: float) -> Throttled | None:
        of_address, of_account = counters
        address_waits = rule.left(of_address, now)
        account_waits = self.account_rule.left(of_account, now)
        if account_waits is None:
            return Throttled(None, "throttled_locked")
        if address_waits > account_waits:
            return Throttled(address_waits, "throttled_address")
        return Throttled(account_waits, "throttled") if account_waits else None

    def _suspect(self, address: str) -> None:
        """Say it once when everybody seems to come from this machine: then all wait for all others."""
        if is_nowhere(address) and not self._said:
            self._said = True
            self.log.error(
                "Too many failed logins from %s: if all users come through a server in between, it must pass "
                "their addresses on, and c.JupyterHub.trusted_downstream_ips must name it",
                safe_name(address) or "nowhere",
            )

    def _give_back(self, subjects: tuple[Subject, Subject], rule: AddressRule, now: float) -> None:
        def decide(held: tuple[Counter, ...]) -> tuple[Counter, ...]:
            return rule.given_back(held[0]), self.account_rule.given_back(held[1], now)

        self._attempts.change(subjects, decide)

    def _subjects(self, user: str, address: str) -> tuple[Subject, Subject]:
        # Always in this order: two that lock rows in different orders would wait for each other.
        return self._attempts.address(bucket(address)), self._attempts.account(user)

    # ----- for administrators ---------------------------------------------------------------

    def unlock(self, user: str) -> bool:
        """Forget an account's failures; False when there were none."""
        return self._attempts.remove(self._attempts.account(user))

    def unlock_address(self, address: str) -> bool:
        """Forget the failures of an address (IPv6: of its /64); False when there were none."""
        return self._attempts.remove(self._attempts.address(bucket(address)))

    def locked(self, names: Iterable[str] = (), *, now: float) -> list[Locked]:
        """Return the accounts that wait or are locked, the most failures first.

        Parameters
        ----------
        names
            Names to know again: the store has digests only, of names that do not exist as well.
        """
        known = {digest: name for name in names for digest in self._attempts.account(name).digests}
        rows = self._attempts.worst(self.listed_at_most, known)
        waiting = ((digest, each, self.account_rule.left(steadied(each, now), now)) for digest, each in rows)
        return [
            Locked(
                known.get(digest, ""),
                each.failures,
                datetime.datetime.fromtimestamp(each.last, datetime.UTC),
                left,
            )
            for digest, each, left in waiting
            if left is None or left > 0
        ]

    def _prune(self, now: float) -> None:
        try:
            self._attempts.forget("address", before=now - 2 * self.address_window)
            days = self.remembered_days * DAY_SECONDS
            self._attempts.forget("account", before=now - days, below=self.lock_after)
            dropped = sum(self._attempts.drop(kind, keep=self.table_limit) for kind in ("address", "account"))
        except SQLAlchemyError as error:
            # Another hub may be at it; the next turn comes.
            self.log.warning("Old failures could not be forgotten: %s", type(error).__name__)
            return
        if dropped:
            metrics.counters_dropped(dropped)
            self.log.warning(
                "More than %d accounts or addresses failed to log in; %d with fewest failures are dropped",
                self.table_limit,
                dropped,
            )


def _steady(counters: tuple[Counter, ...], now: float) -> tuple[Counter, ...]:
    return tuple(steadied(counter, now) for counter in counters)
