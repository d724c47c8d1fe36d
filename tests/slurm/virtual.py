"""A Slurm that does as it is told, in a world where waiting takes no time."""

from __future__ import annotations

import asyncio
import selectors
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, TypeVar

from slurm.client import SlurmClient
from slurm.errors import SlurmUnavailable
from slurm.monitor import Monitor
from slurm.records import Job, Node, Partition, Reservation

T = TypeVar("T")
START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
OUTAGE = SlurmUnavailable("squeue", 1, "Unable to contact slurm controller (connect failure)")


class _Jump(selectors.SelectSelector):
    """Instead of waiting for the next timer, make it be that time."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("everybody waits, and for nothing that will ever happen")
        self.now += max(timeout, 0.0)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.now


class ScriptedSlurm(SlurmClient):
    """Answers from `states` and `records`, in `takes` seconds, or raises `failure`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.states: dict[str, str] = {}
        self.records: list[Job] = []
        self.takes = 0.01
        self.failure: Exception | None = None
        self.reservations_failure: Exception | None = None
        self.asked_at: list[float] = []

    async def _answer(self, command: str, value: T) -> T:
        self.queries[command] += 1
        if command == "squeue":
            self.asked_at.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.takes)
        if self.failure is not None:
            raise self.failure
        return value

    async def jobs(self) -> dict[str, Job]:
        found = [*(job(job_id, state) for job_id, state in self.states.items()), *self.records]
        return await self._answer("squeue", {record.id: record for record in found})

    async def nodes(self) -> dict[str, Node]:
        return await self._answer("scontrol", {"n1": Node("n1", frozenset({"IDLE"}))})

    async def partitions(self) -> dict[str, Partition]:
        return await self._answer("scontrol", {"p": Partition("p")})

    async def reservations(self) -> dict[str, Reservation]:
        if self.reservations_failure is not None:
            raise self.reservations_failure
        return await self._answer("scontrol", {"course": Reservation("course")})


def job(job_id: str, state: str, **more: Any) -> Job:
    return Job(id=job_id, name="nb", user="u", account="a", partition="p", state=state, **more)


def in_virtual_time(
    story: Callable[[Monitor, ScriptedSlurm], Awaitable[None]], **settings: Any
) -> Counter[str]:
    """Tell a story of minutes in milliseconds; gives how often Slurm was asked."""
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    slurm = ScriptedSlurm()
    monitor = Monitor(
        client=slurm, clock=loop.time, wall=lambda: START + timedelta(seconds=loop.time()), **settings
    )

    async def tell() -> None:
        try:
            await story(monitor, slurm)
        finally:
            await monitor.close()

    try:
        loop.run_until_complete(tell())
    finally:
        loop.close()
        asyncio.set_event_loop(None)
    return slurm.queries


def gaps(moments: Sequence[float]) -> list[float]:
    return [round(after - before, 3) for before, after in pairwise(moments)]
