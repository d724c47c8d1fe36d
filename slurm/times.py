"""Times and durations as Slurm prints them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

__all__ = ["parse_duration", "parse_time"]

_NO_TIME = frozenset({"", "n/a", "none", "unknown", "invalid", "(null)", "0"})
_NO_LIMIT = frozenset(
    {"", "n/a", "none", "unknown", "invalid", "infinite", "unlimited", "not_set", "(null)", "partition_limit"}
)
_DURATION = re.compile(r"(?:(?P<days>\d+)-)?(?P<clock>\d+(?::\d+){0,2})")


def parse_time(text: str) -> datetime | None:
    """Read a point in time: seconds of the epoch, or ``2026-11-21T09:30:00``, which we ask for in UTC.

    Raises
    ------
    ValueError
        It is neither a time nor one of Slurm's words for 'no time'.
    """
    text = text.strip()
    if text.lower() in _NO_TIME:
        return None
    if text.isdigit():
        return datetime.fromtimestamp(int(text), UTC)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_duration(text: str) -> timedelta | None:
    """Read a duration; None for 'no limit' and 'not set'.

    Slurm's rules: ``30`` and ``30:00`` are thirty minutes, ``1:30:00`` is an hour and a half, and after a day
    count the first number is hours: ``1-12`` is a day and a half.

    Raises
    ------
    ValueError
        It is no duration.
    """
    text = text.strip()
    if text.lower() in _NO_LIMIT:
        return None
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"not a duration: {text!r}")
    numbers = [int(number) for number in match["clock"].split(":")]
    if match["days"] is not None:
        hours, minutes, seconds = (*numbers, 0, 0)[:3]
        return timedelta(days=int(match["days"]), hours=hours, minutes=minutes, seconds=seconds)
    if len(numbers) == 3:
        return timedelta(hours=numbers[0], minutes=numbers[1], seconds=numbers[2])
    return timedelta(minutes=numbers[0], seconds=numbers[1] if len(numbers) == 2 else 0)
