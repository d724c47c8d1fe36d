"""A pool of threads with a bounded queue, so that a hanging directory costs nobody else anything."""

import asyncio
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from authenticator.errors import Unavailable

__all__ = ["Deadline", "Workers"]

Result = TypeVar("Result")


class Deadline:
    """A moment after which an answer interests nobody; steps ask it for their time limits."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def limit(self, most: int) -> int:
        """Return whole seconds, at most `most`, that a step may take.

        Raises
        ------
        Unavailable
            When the time is up: the next step must not start.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise Unavailable("deadline", "the time for one login is up")
        # ldap3 takes whole seconds only, and zero would mean none.
        return max(1, min(most, math.ceil(left)))


class Workers:
    """Runs blocking functions off the event loop.

    Parameters
    ----------
    threads
        How many run at once.
    waiting
        How many may wait for a thread; one more is turned away at once.
    """

    def __init__(self, threads: int, waiting: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="login")
        self._places = threading.BoundedSemaphore(threads + waiting)

    async def run(self, function: Callable[[], Result], *, timeout: float) -> Result:
        """Return the function's result, or raise `Unavailable` when it takes too long or we are full."""
        if not self._places.acquire(blocking=False):
            raise Unavailable("busy", "too many logins are waiting for the directory")
        future = self._pool.submit(function)
        # Called as well when the future is cancelled before it ran, so no place is ever lost.
        future.add_done_callback(lambda _done: self._places.release())
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), timeout)
        except TimeoutError:
            raise Unavailable("deadline", f"no answer within {timeout:g} s") from None

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
