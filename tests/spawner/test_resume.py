"""A hub that was restarted checks its servers; what their users do meanwhile must not be undone by it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from slurm.monitor import Monitor
from spawner import resume
from spawner.ticket import Ticket
from tests.spawner.scripted import ScriptedSlurm, job, monitor_of

NAME = "hpchub/u/default/1"


class User:
    """One user with one server, whose row in the database every spawner object shares, as in the hub."""

    def __init__(self, monitor: Monitor, url: str) -> None:
        self.name, self.settings = "u", dict[str, Any]()
        self.spawners: dict[str, Server] = {}
        self.monitor, self.url = monitor, url
        self.row: object | None = None

    def start(self, job_id: str = "7") -> Server:
        self.row = SimpleNamespace(url=self.url)
        self.spawners[""] = Server(self, job_id)
        return self.spawners[""]

    def stop(self) -> None:
        self.row = None
        self.spawners.pop("").ticket = Ticket()


class Server:
    """The part of the spawner that the check after a restart needs."""

    def __init__(self, user: User, job_id: str) -> None:
        self.user, self.name, self._log_name, self.job_id = user, "", "u:", job_id
        self.ticket = Ticket(name=NAME)
        self.log = logging.getLogger("test")
        self.stop_timeout = 0.1
        self._check_pending, self._stop_pending, self._spawn_pending = True, False, False
        if job_id:
            user.monitor.watch(job_id, name=NAME)

    @property
    def server(self) -> Any:
        return self.user.row

    async def get_url(self) -> str:
        return str(self.server.url)

    def shared(self) -> Any:
        return SimpleNamespace(monitor=self.user.monitor, probes=asyncio.Semaphore(2))

    def view(self) -> Any:
        return self.user.monitor.fate(self.job_id)

    def save(self) -> None:
        pass


class Notebook:
    """A server that answers with `status`."""

    def __init__(self) -> None:
        self.status, self.asked = 503, 0

    async def answer(self, _request: web.Request) -> web.Response:
        self.asked += 1
        return web.Response(status=self.status)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spawner.resume.PAUSE", 0.02)
    monkeypatch.setattr("spawner.resume.LONGEST_PAUSE", 0.02)


@pytest.fixture
def slurm() -> ScriptedSlurm:
    return ScriptedSlurm(job("RUNNING"))


@pytest.fixture
def notebook() -> Notebook:
    return Notebook()


@pytest.fixture
async def user(slurm: ScriptedSlurm, notebook: Notebook) -> AsyncIterator[User]:
    app = web.Application()
    app.router.add_get("/{path:.*}", notebook.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    monitor = monitor_of(slurm)
    yield User(monitor, f"http://127.0.0.1:{port}")
    await monitor.close()
    await runner.cleanup()


async def asked_again(notebook: Notebook) -> None:
    before = notebook.asked
    while notebook.asked < before + 2:  # noqa: ASYNC110 - a plain counter
        await asyncio.sleep(0.01)


async def test_server_that_answers_is_there(user: User, notebook: Notebook) -> None:
    check = asyncio.ensure_future(resume._until_it_answers(user.start()))  # type: ignore[arg-type]
    await asked_again(notebook)
    assert not check.done()
    notebook.status = 200
    assert await asyncio.wait_for(check, 30) is None


async def test_new_server_is_not_ended_for_the_hung_one_that_its_user_has_stopped(
    user: User, notebook: Notebook
) -> None:
    """The hub stops, by its name, what this check says is gone, and polls the old one if it is there."""
    check = asyncio.ensure_future(resume._until_it_answers(user.start()))  # type: ignore[arg-type]
    await asked_again(notebook)
    user.stop()
    user.start("8")
    notebook.status = 200
    await asyncio.sleep(0.3)
    assert not check.done()
    user.stop()
    assert await asyncio.wait_for(check, 30) == 1


async def test_stop_is_not_done_twice_at_once(user: User, notebook: Notebook, slurm: ScriptedSlurm) -> None:
    server = user.start()
    check = asyncio.ensure_future(resume._until_it_answers(server))  # type: ignore[arg-type]
    await asked_again(notebook)
    server._stop_pending = True
    slurm.say(job("CANCELLED"))
    await asyncio.sleep(0.3)
    assert not check.done()
    user.stop()
    server._stop_pending = False
    assert await asyncio.wait_for(check, 30) == 1


async def test_new_server_is_not_ended_for_the_waiting_one_that_its_user_has_cancelled(user: User) -> None:
    check = asyncio.ensure_future(resume._until_stopped(user.start()))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    user.stop()
    user.start("8")
    await asyncio.sleep(0.5)
    assert not check.done()
    user.stop()
    await asyncio.wait_for(check, 30)


async def test_job_of_somebody_else_with_the_same_name_is_not_taken_for_the_users(
    user: User, slurm: ScriptedSlurm
) -> None:
    """Its node would be where the user's browser is sent."""
    slurm.say(job("RUNNING", id="9", user="mallory", nodes=("gpu09",)), job("RUNNING"))
    server = user.start("")
    assert await resume._find_job(server)  # type: ignore[arg-type]
    assert server.job_id == "7"


async def test_job_of_somebody_else_is_not_taken_where_the_users_own_was_never_submitted(
    user: User, slurm: ScriptedSlurm
) -> None:
    slurm.say(job("RUNNING", id="9", user="mallory", nodes=("gpu09",)))
    assert not await resume._find_job(user.start(""))  # type: ignore[arg-type]
