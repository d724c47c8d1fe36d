"""Statistics of what was measured."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

__all__ = ["as_met", "milliseconds", "quantile"]


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` (0 to 1) of the values do not exceed.

    No value is made up in between: the p99 of lag is a lag that somebody had. An empty sequence has none.

    Raises
    ------
    ValueError
        There are no values.
    """
    if not values:
        raise ValueError("no values were measured")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def as_met(late: Iterable[float], every: float) -> list[float]:
    """Return what somebody who comes `every` so many seconds would have waited.

    Whoever is woken late does not measure meanwhile: a loop that hung for a second gives one bad value among
    a hundred good ones a second, though everybody who came in that second waited. So a delay counts again
    for each time that it ate (Gil Tene's correction for coordinated omission).
    """
    met = []
    for delay in late:
        met.append(delay)
        while (delay := delay - every) > 0:
            met.append(delay)
    return met


def milliseconds(seconds: Sequence[float]) -> dict[str, float]:
    """Return count, p50, p99 and maximum of durations, in milliseconds."""
    if not seconds:
        return {"count": 0}
    return {
        "count": len(seconds),
        "p50": round(quantile(seconds, 0.5) * 1000, 2),
        "p99": round(quantile(seconds, 0.99) * 1000, 2),
        "max": round(max(seconds) * 1000, 2),
    }
