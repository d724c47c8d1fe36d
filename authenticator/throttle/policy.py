"""How long guessers wait: pure functions of what is remembered and the time.

An account's failures are counted in a row, until one success (NIST SP 800-63B, rate limiting: at most 100).
Besides, they have a level: the first few are free and forgotten after a quiet window; from then on each
doubles the wait (RFC 4226 §7.3), and each quiet hour after a wait takes one doubling back. So whoever
keeps guessing at an account gets less than one guess a minute and a hundred in all, and its owner, once that
ends, is rid of the wait within hours.

An address has a debt, a bucket that leaks: a failure adds one, and one is forgiven every `window / limit`
seconds. What is in flight counts a quarter, for most of it is about to succeed: a class of forty that logs in
at the same second gets in, and whoever guesses in parallel owes afterwards what went over the limit.

Clocks are not trusted to go forwards. What was last noted in the future was noted by a clock that has been
set back: nothing opens by that, and the wait that is left is one whole wait at most.
"""

from dataclasses import dataclass, replace
from typing import Final

from authenticator.store.attempts import NOTHING, Counter

__all__ = ["IN_FLIGHT", "AccountRule", "AddressRule", "from_the_future", "steadied"]

IN_FLIGHT: Final = 0.25
"""What an attempt adds to the debt of its address until it is known how it ended."""
CLOCKS_APART: Final = 2.0
"""Seconds by which the clocks of two hubs may differ, or an attempt may be late."""


@dataclass(frozen=True, slots=True)
class AccountRule:
    """The rule for accounts; `window`, `first_wait` and `longest_wait` in seconds."""

    free: int = 5
    window: float = 300
    first_wait: float = 30
    longest_wait: float = 3600
    lock_after: int = 100

    def wait(self, level: float) -> float:
        """Return the seconds to wait after so many failures."""
        if level < self.free:
            return 0.0
        return min(self.longest_wait, float(self.first_wait * 2 ** min(level - self.free, 32)))

    def locked(self, counter: Counter) -> bool:
        """Tell whether only an administrator can let anybody try again."""
        return counter.failures >= self.lock_after

    def left(self, counter: Counter, now: float) -> float | None:
        """Return the seconds until the next attempt is looked at, 0 for at once, None for never."""
        if self.locked(counter):
            return None
        wait = self.wait(counter.level)
        return max(0.0, min(wait, counter.last + wait - now))

    def reserved(self, counter: Counter, now: float) -> Counter:
        """Count an attempt as a failure, before it is looked at."""
        return Counter(counter.failures + 1, self._calmed(counter, now) + 1, now)

    def given_back(self, counter: Counter, now: float) -> Counter:
        """Take the last attempt's reservation back: it was nobody's fault, and nobody waits for it."""
        if counter.failures <= 1:
            return NOTHING
        level = max(0.0, counter.level - 1)
        return Counter(counter.failures - 1, level, min(counter.last, now - self.wait(level)))

    def _calmed(self, counter: Counter, now: float) -> float:
        quiet = now - counter.last - self.wait(counter.level)
        if counter.level < self.free:
            return 0.0 if quiet >= self.window else counter.level
        level = counter.level - max(0.0, quiet // self.longest_wait)
        return level if level >= self.free else 0.0


@dataclass(frozen=True, slots=True)
class AddressRule:
    """The rule for addresses: `limit` failures at once, and as many more in each `window` seconds."""

    limit: int = 30
    window: float = 300

    def debt(self, counter: Counter, now: float) -> float:
        """Return what the address still owes; twice the limit at most, so the longest wait is `window`."""
        forgiven = max(0.0, now - counter.last) * self.limit / self.window
        return max(0.0, min(counter.level, 2.0 * self.limit - 1) - forgiven)

    def left(self, counter: Counter, now: float) -> float:
        """Return the seconds until one more failure fits under the limit, 0 when it does."""
        return max(0.0, self.debt(counter, now) + 1 - self.limit) * self.window / self.limit

    def reserved(self, counter: Counter, now: float) -> Counter:
        """Count an attempt that is in flight."""
        return Counter(0, self.debt(counter, now) + IN_FLIGHT, now)

    def given_back(self, counter: Counter) -> Counter:
        """Forget an attempt that was in flight."""
        return replace(counter, level=max(0.0, counter.level - IN_FLIGHT))


def from_the_future(counter: Counter, now: float) -> bool:
    """Tell whether the clock has been set back since."""
    return counter.last > now + CLOCKS_APART


def steadied(counter: Counter, now: float) -> Counter:
    """Begin the wait anew, now, when it would begin in the future (and last until then)."""
    return replace(counter, last=now) if from_the_future(counter, now) else counter
