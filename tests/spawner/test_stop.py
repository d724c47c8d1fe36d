"""Stop gives the page back in time, and no job is forgotten on the way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from slurm.errors import SlurmUnavailable
from slurm.states import JobPhase
from spawner.cancelling import cancel
from spawner.spawner import SlurmGPUSpawner
from spawner.ticket import Ticket
from spawner.turns import Turns

NAME = "hpchub/u/default/1"


class Server:
    """The part of the spawner that a stop needs; scancel does what the test says."""

    stop = SlurmGPUSpawner.stop
    _cancel, _is_cancelled = SlurmGPUSpawner._cancel, SlurmGPUSpawner._is_cancelled
    _until_over, _submitting = SlurmGPUSpawner._until_over, SlurmGPUSpawner._submitting

    def __init__(self, scancel: Callable[[], Awaitable[None]]) -> None:
        self.scancel, self.turns = scancel, Turns(1)
        self.job_id, self.ticket, self.stop_timeout = "7", Ticket(name=NAME), 0.2
        self.log, self.user = logging.getLogger("test"), SimpleNamespace(name="u")
        self.ending, self.turn, self.startup, self.acts = False, None, None, self
        self._submission: asyncio.Task[None] | None = None
        self.abandoned: list[str] = []
        self.fate = JobPhase.RUNNING

    async def cancel(self, _job_id: str, _name: str) -> None:
        await self.scancel()
        self.fate = JobPhase.ENDED

    def abandon(self, name: str) -> None:
        self.abandoned.append(name)

    def shared(self) -> Any:
        monitor = SimpleNamespace(fate=lambda _job: SimpleNamespace(phase=self.fate))
        return SimpleNamespace(
            cancel=lambda acts, user, job_id, name: cancel(self.turns, acts, user, job_id, name),
            monitor=monitor,
        )


async def hangs() -> None:
    await asyncio.sleep(60)


async def fails() -> None:
    raise SlurmUnavailable("scancel", 1, "Unable to contact slurm controller")


async def works() -> None:
    pass


async def test_job_that_slurm_has_heard_of_is_not_tried_again() -> None:
    server = Server(works)
    await asyncio.wait_for(server.stop(), 30)  # type: ignore[misc]
    assert server.abandoned == []


@pytest.mark.parametrize("scancel", [hangs, fails])
async def test_stop_ends_in_time_when_slurm_does_not_and_is_gone_on_with(
    scancel: Callable[[], Awaitable[None]],
) -> None:
    server = Server(scancel)
    await asyncio.wait_for(server.stop(), 30)  # type: ignore[misc]
    assert (server.abandoned, server.turns.held, server.turns.waiting) == ([NAME], 0, 0)


async def test_stop_ends_in_time_behind_a_long_line() -> None:
    server = Server(works)
    async with server.turns.held_by(server.turns.ask("somebody")):
        await asyncio.wait_for(server.stop(), 30)  # type: ignore[misc]
    assert (server.abandoned, server.turns.held, server.turns.waiting) == ([NAME], 0, 0)


async def test_hub_that_goes_down_during_a_stop_leaves_the_job_to_the_next() -> None:
    """The hub takes the server for stopped then, whatever has become of it."""
    server = Server(hangs)
    stop = asyncio.ensure_future(server.stop())  # type: ignore[misc]
    await asyncio.sleep(0.05)
    stop.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stop
    assert (server.abandoned, server.turns.held) == ([NAME], 0)


async def test_hub_that_goes_down_while_a_stop_waits_for_sbatch_leaves_the_job_to_the_next() -> None:
    server = Server(works)
    server.job_id = ""
    server._submission = asyncio.ensure_future(hangs())
    stop = asyncio.ensure_future(server.stop())  # type: ignore[misc]
    await asyncio.sleep(0.05)
    for task in (server._submission, stop):
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stop
    assert server.abandoned == [NAME]


async def test_server_that_was_never_submitted_leaves_nothing_behind() -> None:
    server = Server(hangs)
    server.job_id = ""
    await asyncio.wait_for(server.stop(), 30)  # type: ignore[misc]
    assert server.abandoned == []
