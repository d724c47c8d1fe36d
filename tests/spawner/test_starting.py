"""The steps of a start: what is saved before what, and that no job is lost whatever comes in between."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from tornado.web import HTTPError

from slurm.acting import FolderError
from slurm.errors import SlurmError, SlurmRefused, SlurmUnavailable
from spawner.port import digest
from spawner.requeue import AskAgainError
from spawner.starting import StartsJobs
from spawner.startup import Startup
from spawner.ticket import Ticket
from tests.spawner.scripted import ScriptedSlurm, job, monitor_of


class Server:
    """The part of the spawner that a start needs; sbatch is an event that the test sets, or an error."""

    start, _submit, take_port = StartsJobs.start, StartsJobs._submit, StartsJobs.take_port
    _stopped = StartsJobs._stopped

    def __init__(self, error: SlurmError | None = None) -> None:
        self.error, self.sbatch = error, asyncio.Event()
        self.hub_name, self.name, self.language, self.api_token = "hpchub", "", "en", "secret"
        self.user, self.log = SimpleNamespace(name="u"), logging.getLogger("test")
        self.user_options: dict[str, Any] = {}
        self.internal_ssl, self.ending, self.port_range, self.pending = False, False, "", "spawn"
        self.ticket, self.job_id = Ticket(abandoned=["hpchub/u/default/0"]), ""
        self._submission: asyncio.Task[None] | None = None
        self.startup: Startup | None = None
        self.told: list[str] = []

    async def take_options(self, _options: Any) -> Any:
        return SimpleNamespace(queue=SimpleNamespace(name="jupyter"), environment="")

    async def _in_turn(self, _request: Any) -> None:
        self.told.append("sbatch")
        await self.sbatch.wait()
        if self.error is not None:
            raise self.error
        self.job_id = "7"

    async def follow(self) -> tuple[str, int]:
        self.told.append("follow")
        return "gpu03", 40123

    def save(self) -> None:
        known = "name" if self.ticket.name else ""
        self.told.append(f"save {known} {self.job_id} {self.ticket.port}")

    def abandon(self, name: str) -> None:
        self.told.append("abandon" if name == self.ticket.name else name)

    def shared(self) -> Any:
        watch = SimpleNamespace(
            watch=lambda job_id, name: self.told.append(f"watch {job_id} {name == self.ticket.name}"),
            look_soon=lambda: None,
        )
        return SimpleNamespace(monitor=watch)


async def test_name_is_saved_before_the_job_and_its_id_as_soon_as_it_is_known() -> None:
    server = Server()
    server.sbatch.set()
    await server.start()  # type: ignore[misc]
    assert server.told == ["save name  0", "sbatch", "save name 7 0", "watch 7 True", "follow"]
    assert server.ticket.token_digest == digest("secret")
    assert server.ticket.abandoned == ["hpchub/u/default/0"]


async def test_cancelled_start_does_not_lose_the_job_that_slurm_is_just_taking() -> None:
    server = Server()
    start = asyncio.ensure_future(server.start())  # type: ignore[misc]
    await asyncio.sleep(0.01)
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    server.sbatch.set()
    assert server._submission is not None
    await server._submission
    assert (server.job_id, server.told[2:]) == ("7", ["save name 7 0", "watch 7 True"])


@pytest.mark.parametrize(
    ("error", "left"),
    [
        (SlurmUnavailable("sbatch", None, "did not answer within 70 s"), ["abandon"]),
        (SlurmRefused("sbatch", 1, "Invalid account"), []),
        (FolderError("/home/u", "missing"), []),
    ],
    ids=str,
)
async def test_job_that_may_have_been_taken_is_not_left_to_itself(error: SlurmError, left: list[str]) -> None:
    server = Server(error)
    server.sbatch.set()
    with pytest.raises(HTTPError):
        await server.start()  # type: ignore[misc]
    assert server.told[2:] == left


async def test_port_is_saved_before_the_server_hears_that_it_is_known() -> None:
    monitor = monitor_of(ScriptedSlurm(job("RUNNING")))
    server = Server()
    limits = {"queue_timeout": 60, "boot_timeout": 60}
    server.startup = Startup(monitor, "7", server.log, **limits)  # type: ignore[arg-type]
    assert await server.take_port(40123) is None  # type: ignore[misc]
    assert await server.take_port(40123) is None  # type: ignore[misc]
    assert await server.take_port(40124) is not None  # type: ignore[misc]
    assert server.told == ["save   40123"]
    await monitor.close()


async def test_report_that_comes_before_the_hub_has_checked_its_servers_is_asked_for_again() -> None:
    """Refused, the server would end."""
    with pytest.raises(AskAgainError):
        await Server().take_port(40123)  # type: ignore[misc]


async def test_port_outside_the_sites_range_is_refused() -> None:
    server = Server()
    server.port_range = "40000-40099"
    assert await server.take_port(40123) == "port 40123 is outside 40000-40099"  # type: ignore[misc]
