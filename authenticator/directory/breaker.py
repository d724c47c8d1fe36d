"""A circuit breaker: whether a server is worth the wait.

A server that does not answer costs seconds, and each login would pay them. After `FAILURES` in a row it
counts as down and is passed over for a pause that doubles; then one caller at a time is let through to try.

pybreaker was considered. It holds its lock while it calls, so that one thread at a time could talk to a
server, and its pause does not grow.
"""

import threading
from dataclasses import dataclass
from typing import Final

__all__ = ["Breaker", "Health", "Turn"]

FAILURES: Final = 2
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 30.0


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a server answers, since when (Unix seconds; None: as long as we look), and what it lacks."""

    up: bool = True
    since: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """The leave to try a server; whoever gets it says how it ended, whatever happens."""

    probe: bool


class Breaker:
    """The state of one server, for all threads.

    `tick` is a reading of a monotonic clock, `now` of the wall clock.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._health = Health()
        self._failures = 0
        self._failed_at = 0.0
        self._pause = FIRST_PAUSE
        self._probing = False

    @property
    def health(self) -> Health:
        return self._health

    def admit(self, tick: float, *, patience: float = LONGEST_PAUSE) -> Turn | None:
        """Return leave to try the server, or None; no pause is longer than `patience`."""
        with self._lock:
            if not self._is_due(tick, patience):
                return None
            self._probing = not self._health.up
            return Turn(probe=self._probing)

    def worth_a_try(self, tick: float, *, patience: float = LONGEST_PAUSE) -> bool:
        """Tell whether `admit` would give leave."""
        with self._lock:
            return self._is_due(tick, patience)

    def succeeded(self, turn: Turn, now: float) -> Health | None:
        """Note that the server answered; return how it was if it was down."""
        with self._lock:
            self._end(turn)
            self._failures, self._pause = 0, FIRST_PAUSE
            before = self._health
            if before.up:
                return None
            self._health = Health(since=now)
            return before

    def failed(self, turn: Turn, tick: float, now: float, why: str) -> bool:
        """Note that the server did not answer; tell whether that makes it count as down."""
        with self._lock:
            self._end(turn)
            self._failures += 1
            if self._health.up and self._failures >= FAILURES:
                self._health, self._failed_at = Health(up=False, since=now, why=why), tick
                return True
            # Who set out while it was still up and comes back late proves nothing new.
            if turn.probe and not self._health.up:
                self._pause, self._failed_at = min(self._pause * 2, LONGEST_PAUSE), tick
            return False

    def abandoned(self, turn: Turn) -> None:
        """Note that the try told nothing about the server."""
        with self._lock:
            self._end(turn)

    def _is_due(self, tick: float, patience: float) -> bool:
        paused = self._probing or tick < self._failed_at + min(self._pause, patience)
        return self._health.up or not paused

    def _end(self, turn: Turn) -> None:
        if turn.probe:
            self._probing = False
