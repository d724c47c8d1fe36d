"""When the address of a server is that of an earlier run of its job."""

import logging
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from tornado.web import HTTPError

from slurm.snapshot import JobView
from slurm.states import JobPhase, phase
from spawner.requeue import _follow, has_moved, start_of
from spawner.ticket import Ticket
from tests.spawner.scripted import job

STARTED = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
TICKET = Ticket(host="gpu03", port=40123, started=STARTED.isoformat())


def view(state: str, node: str = "gpu03", started: datetime | None = STARTED) -> JobView:
    waits = phase(state) is JobPhase.WAITING
    return JobView(phase(state), job(state, nodes=() if waits else (node,), started=started))


@pytest.mark.parametrize(
    "state", ["RUNNING", "SUSPENDED", "STOPPED", "SIGNALING", "RESIZING", "COMPLETING", "COMPLETED", "ODD"]
)
def test_same_run_keeps_its_address(state: str) -> None:
    assert not has_moved(TICKET, view(state))


@pytest.mark.parametrize(
    "state", ["PENDING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD", "CONFIGURING"]
)
def test_job_back_in_the_queue_has_no_server(state: str) -> None:
    assert has_moved(TICKET, view(state))


def test_other_node_or_other_start_is_another_run() -> None:
    assert has_moved(TICKET, view("RUNNING", node="gpu04"))
    assert has_moved(TICKET, view("RUNNING", started=STARTED + timedelta(seconds=130)))


@pytest.mark.parametrize("nothing", [JobView(JobPhase.UNKNOWN), JobView(JobPhase.WAITING)], ids=str)
def test_silence_of_slurm_moves_nobody(nothing: JobView) -> None:
    assert not has_moved(TICKET, nothing)


def test_last_record_of_a_job_that_slurm_lost_moves_nobody() -> None:
    assert not has_moved(TICKET, JobView(JobPhase.UNKNOWN, job("PENDING")))
    assert not has_moved(TICKET, JobView(JobPhase.ENDED, job("RUNNING", nodes=("gpu09",))))


def test_server_that_has_no_address_yet_cannot_have_moved() -> None:
    assert not has_moved(Ticket(), view("RUNNING"))


def test_ticket_of_an_earlier_version_knows_the_node_only() -> None:
    old = Ticket(host="gpu03", port=40123)
    assert not has_moved(old, view("RUNNING"))
    assert has_moved(old, view("RUNNING", node="gpu04"))


def test_start_that_slurm_does_not_tell_is_empty() -> None:
    assert start_of(job("RUNNING", started=None)) == ""


class DeadProxy:
    """One that does not answer."""

    async def delete_user(self, _user: Any, _server: str) -> None:
        raise ConnectionRefusedError("proxy")

    add_user = delete_user


class Server:
    """A server that comes up again on another node."""

    def __init__(self) -> None:
        self.user = SimpleNamespace(settings={"proxy": DeadProxy()}, stop=self.stop)
        self.error: Exception | None = None
        self.stopped = 0
        self.name, self._log_name, self.log = "", "u:", logging.getLogger("test")
        self.server = SimpleNamespace(ip="gpu03", port=40123)
        self.polled = self.saved = 0

    async def stop(self, _name: str) -> None:
        self.stopped += 1

    async def follow(self) -> tuple[str, int]:
        if self.error is not None:
            raise self.error
        return "gpu04", 40999

    def save(self) -> None:
        self.saved += 1

    def start_polling(self) -> None:
        self.polled += 1


async def test_server_that_comes_back_while_the_proxy_is_out_is_still_looked_after() -> None:
    """The hub's own check gives the proxy its route when it is back; nobody else notices the job's end."""
    server = Server()
    await _follow(server)  # type: ignore[arg-type]
    assert (server.server.ip, server.server.port) == ("gpu04", 40999)
    assert (server.saved, server.polled) == (1, 1)


@pytest.mark.parametrize(
    "error", [HTTPError(500, "boot timeout"), RuntimeError("a mistake of ours")], ids=str
)
async def test_server_that_does_not_come_back_is_not_routed_to_its_old_node(error: Exception) -> None:
    """The hub gives each server that it holds for ready its route; the node may be somebody else's now."""
    server = Server()
    server.error = error
    with pytest.raises(type(error)):
        await _follow(server)  # type: ignore[arg-type]
    assert (server.stopped, server.polled) == (1, 0)
