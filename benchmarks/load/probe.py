"""Runs inside each hub that is measured: how late its event loop is, and what CPU time it used.

Every ten milliseconds it looks how much later than asked it was woken, and writes a line of JSON each
second. A copy lies beside the hubs' configurations, so it imports the standard library only.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import time
from typing import TextIO

__all__ = ["start"]

PAUSE = 0.01
_running: set[asyncio.Task[None]] = set()


def start(path: str) -> None:
    """Begin to measure; called by a hub's configuration, which is read with the loop already running."""
    out = open(path, "w", buffering=1)  # noqa: SIM115 - open as long as the hub is
    out.write(json.dumps({"pid": os.getpid()}) + "\n")
    _running.add(asyncio.get_running_loop().create_task(_watch(out)))


async def _watch(out: TextIO) -> None:
    while True:
        late, work = await _second()
        own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        line = {
            "at": round(time.time(), 3),
            "own": round(own.ru_utime + own.ru_stime, 3),
            "children": round(children.ru_utime + children.ru_stime, 3),
            "memory_mib": round(own.ru_maxrss / 1024, 1),
            "late_us": late,
            "work_us": work,
        }
        out.write(json.dumps(line) + "\n")


async def _second() -> tuple[list[int], list[int]]:
    """Return, in microseconds, by how much each sleep was too long, and what the thread worked meanwhile."""
    late, work, end = [], [], time.perf_counter() + 1.0
    while (before := time.perf_counter()) < end:
        worked = time.thread_time()
        await asyncio.sleep(PAUSE)
        late.append(max(0, round((time.perf_counter() - before - PAUSE) * 1e6)))
        work.append(round((time.thread_time() - worked) * 1e6))
    return late, work
