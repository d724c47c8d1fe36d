"""One question that many callers ask, and that Slurm hears only now and then."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Generic, TypeVar

from slurm.errors import SlurmError, SlurmNotUnderstood

__all__ = ["Look"]

T = TypeVar("T")

# A query that took long says that Slurm is busy: leave it alone for this many times as long.
_REST = 5.0


class Look(Generic[T]):
    """The last good answer to a question, and the right moment for the next one.

    Callers who come while a query runs share it, and one who is cancelled does not take it from the others.

    Parameters
    ----------
    name : str
        The command's name, for errors that are not Slurm's.
    query : callable
        Asks, and gives the answer or raises.
    done : callable
        Called after each query, successful or not.
    clock, wall : callable
        Monotonic seconds, and the time of day in UTC.
    min_interval, max_backoff : float
        Seconds between two queries at least, and after failures at most.
    while_out : float or None
        Somebody who asks gets a query so many seconds after a failure, whatever the backoff says; None keeps
        him waiting like everybody.
    """

    def __init__(
        self,
        name: str,
        query: Callable[[], Awaitable[T]],
        done: Callable[[], None],
        *,
        clock: Callable[[], float],
        wall: Callable[[], datetime],
        min_interval: float,
        max_backoff: float,
        while_out: float | None = None,
    ) -> None:
        self.name = name
        self.value: T | None = None
        self.at: datetime | None = None
        self.error: SlurmError | None = None
        self.bug: Exception | None = None
        self.failures = 0
        self.started = 0
        self.duration = 0.0
        self._query, self._done, self._clock, self._wall = query, done, clock, wall
        self._min_interval, self._max_backoff, self._while_out = min_interval, max_backoff, while_out
        self._began: float | None = None
        self._ended = 0.0
        self._good_at: float | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def age(self) -> float | None:
        """Seconds since the last good answer."""
        return None if self._good_at is None else max(0.0, self._clock() - self._good_at)

    @property
    def began(self) -> float | None:
        """The clock when the last query began."""
        return self._began

    @property
    def allowed_at(self) -> float:
        """The clock from which the next query is allowed."""
        if self._began is None:
            # Not the clock: two readings of it are never the same, and "now" would always be still to come.
            return float("-inf")
        # Not for ever: a busy hub hears of an answer late, and would take Slurm for the slow one.
        quiet = min(_REST * self.duration, self._max_backoff)
        if not self.failures:
            return max(self._began + self._min_interval, self._ended + quiet)
        rest = max(self._min_interval, quiet)
        backoff = rest * 2.0 ** min(self.failures - 1, 10)
        return self._ended + min(backoff, self._max_backoff)

    @property
    def asked_for_at(self) -> float:
        """The clock from which somebody who asks gets a query: sooner than by itself while Slurm is out."""
        if not self.failures or self._while_out is None:
            return self.allowed_at
        return min(self.allowed_at, self._ended + self._while_out)

    async def look(self, max_age: float, patience: float | None = None) -> None:
        """Have an answer no older than `max_age` seconds, if that is possible now; never raises.

        Parameters
        ----------
        max_age : float
            An answer younger than this will do.
        patience : float or None
            Seconds to wait for a running query; it goes on when they are over.
        """
        if self._task is None:
            age = self.age
            if (age is not None and age < max_age) or self._clock() < self.asked_for_at:
                return
            # Counted here, not when the task first runs: whoever registers a job between the two
            # must not take this query for a later one.
            self.started += 1
            self._began = self._clock()
            self._task = asyncio.create_task(self._run())
        await asyncio.wait({self._task}, timeout=patience)

    async def _run(self) -> None:
        try:
            value = await self._query()
        except SlurmError as error:
            self._failed(error, None)
        except Exception as error:  # a mistake of ours must not take the servers of all users with it
            self._failed(SlurmNotUnderstood(self.name, None, f"{type(error).__name__}: {error}"), error)
        else:
            self.value, self.at, self._good_at = value, self._wall(), self._clock()
            self.error, self.bug, self.failures = None, None, 0
        finally:
            self._ended = self._clock()
            self.duration = self._ended - (self._began or 0.0)
            self._task = None
        self._done()

    def _failed(self, error: SlurmError, bug: Exception | None) -> None:
        self.error, self.bug = error, bug
        self.failures += 1

    async def close(self) -> None:
        """Stop a running query."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
