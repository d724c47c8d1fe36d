"""Python's garbage collector, kept from going through the whole hub again and again.

Python frees nearly everything as soon as nobody refers to it. What refers to itself in a circle is found by
its collector, which from time to time goes through all objects there are, and meanwhile nothing else runs. A
hub with a thousand users has half a million that never go away: 0.2 to 0.5 s in which no page is answered, to
find a handful.

So whatever has outlived one such round is taken out of the next ones (`gc.freeze`), which then are short. It
is still freed when nobody refers to it; only circles that have become old wait until everything is looked
through once more, after `WHOLE_SECONDS`.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

__all__ = ["WHOLE_SECONDS", "SparedCollector", "spare_the_collector"]

WHOLE_SECONDS: Final = 6 * 3600.0
_OLDEST: Final = 2


class SparedCollector:
    """What is called at each round of the collector (`gc.callbacks`).

    Parameters
    ----------
    collector : object
        The module `gc`.
    clock : callable
        Monotonic seconds.
    """

    def __init__(self, collector: Any = gc, clock: Callable[[], float] = time.monotonic) -> None:
        self._gc = collector
        self._clock = clock
        self._whole_at = clock()

    def __call__(self, phase: str, info: Mapping[str, int]) -> None:
        if phase != "stop" or info["generation"] < _OLDEST:
            return
        if self._clock() - self._whole_at < WHOLE_SECONDS:
            self._gc.freeze()
        else:
            self._whole_at = self._clock()
            self._gc.unfreeze()


def spare_the_collector() -> None:
    """Do so in this process from now on; calling it twice changes nothing."""
    if not any(isinstance(one, SparedCollector) for one in gc.callbacks):
        gc.collect()
        gc.freeze()
        gc.callbacks.append(SparedCollector())
