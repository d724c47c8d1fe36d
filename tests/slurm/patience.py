"""Waiting for what a monitor will see."""

from __future__ import annotations

import time
from collections.abc import Callable

from slurm.monitor import Monitor


async def until(monitor: Monitor, true: Callable[[], bool], limit: float = 90.0) -> None:
    deadline = time.monotonic() + limit
    while not true():
        assert time.monotonic() < deadline, "it did not come true"
        await monitor.changed(1.0)
