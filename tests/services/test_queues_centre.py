"""The figures of the queue service against a real cluster that is used, drained, closed and stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from queues.policy import load_policy
from queues.table import QueueRow, QueueTable
from services.queues.desk import Desk
from slurm.client import SlurmClient
from slurm.monitor import Monitor
from tests.centre import RunningCentre

pytestmark = pytest.mark.centre

POLICY = Path(__file__).resolve().parents[2] / "demo" / "queues.toml"
Look = Callable[[str], Awaitable[QueueTable]]


@pytest.fixture
async def look(centre: RunningCentre) -> AsyncIterator[Look]:
    """Look at the queues as somebody, with figures of this moment."""
    centre.up()
    centre.cancel_all_jobs()
    client = SlurmClient(environment={"SLURM_CONF": str(centre.slurm_conf)})
    # Slurm is left alone for five times as long as it took to answer, and on a busy machine that is long.
    monitor = Monitor(client=client, min_interval=0.0, partitions_interval=0.0, max_backoff=0.2)
    desk = Desk(load_policy(POLICY), monitor)

    async def look(user: str) -> QueueTable:
        await asyncio.sleep(2 * monitor.max_backoff)
        return await desk.table_for(user, frozenset(), refresh=True)

    yield look
    await desk.close()
    centre.up()
    centre.cancel_all_jobs()


def row(table: QueueTable, name: str) -> QueueRow:
    return next(row for row in table.rows if row.queue.name == name)


def nodes(row: QueueRow) -> tuple[int | None, ...]:
    return row.alloc, row.idle, row.down, row.total


@contextmanager
def updated(centre: RunningCentre, what: str, *, until: str) -> Iterator[None]:
    """Have the administrator change something for the duration of a ``with`` block."""
    centre.run(["scontrol", "update", *what.split()])
    try:
        yield
    finally:
        centre.run(["scontrol", "update", *until.split()])


async def test_an_empty_cluster_is_all_idle(look: Look) -> None:
    table = await look("a1113a01")
    assert table.problem is None
    sizes = [(0, count, 0, count) for count in (5, 5, 6, 1, 3, 3)]
    assert [nodes(row) for row in table.rows] == sizes
    assert table.totals is not None
    assert (table.totals.idle, table.totals.total) == (13, 13)
    types = {"1g.10gb": 7, "3g.40gb": 2, "a100": 24, "v100": 10}
    assert dict(table.totals.gpus_by_type) == types
    assert (row(table, "jupyter").free_slots, row(table, "amd_a100_4").free_gpus) == (50, 24)
    assert row(table, "mixed").free_by_type == {"1g.10gb": 7, "3g.40gb": 2, "a100": 4, "v100": 2}
    assert (row(table, "course").free_slots, row(table, "course").total_slots) == (58, 58)
    assert str(row(table, "bigmem").why_not).startswith("This queue takes only jobs of the projects proj02")


async def test_notebooks_and_exclusive_jobs_take_the_slots_they_should(
    look: Look, centre: RunningCentre
) -> None:
    shared = ("--partition=jupyter", "--gres=shard:1", "--cpus-per-task=2")
    jobs = [centre.submit("a1113a01", *shared) for _ in range(12)]
    jobs.append(centre.submit("a1113a03", "--partition=cas_v100_2", "--nodes=1"))
    for job in jobs:
        centre.wait_for_job(job, "RUNNING")
    table = await look("a1113a02")
    jupyter, v100 = row(table, "jupyter"), row(table, "cas_v100_2")
    # Ten notebooks fill one node, two are on the next, and the exclusive job has a third.
    assert (jupyter.free_slots, jupyter.total_slots) == (50 - 12 - 10, 50)
    assert nodes(jupyter) == (3, 2, 0, 5) == nodes(v100)
    assert (v100.free_gpus, v100.waiting, jupyter.waiting) == (4, 0, 0)
    assert row(table, "bigmem").allowed


async def test_job_that_waits_is_counted_in_its_own_queue(look: Look, centre: RunningCentre) -> None:
    taken = centre.submit("a1113a03", "--partition=cas_v100_2", "--nodes=1")
    centre.wait_for_job(taken, "RUNNING")
    # Slurm may keep the idle nodes for it (PLANNED), so places are counted in the test before.
    centre.submit("a1113a03", "--partition=cas_v100_2", "--nodes=5")
    table = await look("a1113a02")
    assert (row(table, "cas_v100_2").waiting, row(table, "jupyter").waiting) == (1, 0)


async def test_single_gpus_are_counted_by_type_beside_other_queues_jobs(
    look: Look, centre: RunningCentre
) -> None:
    mixed = ("--partition=mixed", "--qos=notebook")
    jobs = [
        centre.submit("a1113a01", *mixed, "--gres=gpu:1g.10gb:3", "--cpus-per-task=2"),
        centre.submit("a1113a02", *mixed, "--gres=gpu:a100:1", "--cpus-per-task=8"),
        centre.submit("a1113a01", "--partition=jupyter", "--gres=shard:1", "--nodelist=gpu05"),
    ]
    for job in jobs:
        centre.wait_for_job(job, "RUNNING")
    found = row(await look("a1113a01"), "mixed")
    # One shard has one of the two V100 of its node.
    assert found.free_by_type == {"1g.10gb": 4, "3g.40gb": 2, "a100": 3, "v100": 1}
    assert (found.free_gpus, found.total_gpus, nodes(found)) == (10, 15, (3, 0, 0, 3))


async def test_a_course_is_open_to_whom_its_reservation_is_for(look: Look, centre: RunningCentre) -> None:
    assert "none is for you now" in str(row(await look("a1113a01"), "course").why_not)
    name = "ReservationName=course1"
    terms = ("Users=a1113a01", "Nodes=mig01", "StartTime=now", "Duration=10")
    centre.run(["scontrol", "create", "reservation", name, *terms])
    try:
        assert row(await look("a1113a01"), "course").allowed
        assert "none is for you now" in str(row(await look("a1113a02"), "course").why_not)
    finally:
        centre.run(["scontrol", "delete", name])


async def test_drained_nodes_and_closed_partitions_are_not_free(look: Look, centre: RunningCentre) -> None:
    drain = updated(centre, "NodeName=gpu06 State=DRAIN Reason=test", until="NodeName=gpu06 State=RESUME")
    close = updated(centre, "PartitionName=jupyter State=DOWN", until="PartitionName=jupyter State=UP")
    with drain, close:
        table = await look("a1113a01")
    a100, jupyter = row(table, "amd_a100_4"), row(table, "jupyter")
    assert nodes(a100) == (0, 5, 1, 6)
    assert (a100.free_gpus, a100.total_gpus) == (20, 24)
    assert (jupyter.free_slots, jupyter.total_slots) == (0, 50)
    assert str(jupyter.why_not) == "This queue is closed at the moment: its partition is down."
    assert table.totals is not None
    assert (table.totals.idle, table.totals.down, table.totals.total) == (12, 1, 13)


async def test_reserved_nodes_are_not_idle(look: Look, centre: RunningCentre) -> None:
    name = "ReservationName=tests"
    centre.run(
        [
            *("scontrol", "create", "reservation", name, "Users=root", "Nodes=gpu11"),
            *("StartTime=now", "Duration=10", "Flags=IGNORE_JOBS"),
        ]
    )
    try:
        # Slurm marks the nodes of a reservation some seconds after it began.
        for _ in range(100):
            if "RESERVED" in centre.run(["scontrol", "show", "node", "gpu11"]).stdout:
                break
            await asyncio.sleep(0.2)
        table = await look("a1113a01")
    finally:
        centre.run(["scontrol", "delete", name])
    assert nodes(row(table, "amd_a100_4")) == (0, 5, 1, 6)


async def test_figures_stay_while_slurm_is_stopped(look: Look, centre: RunningCentre) -> None:
    before = await look("a1113a01")
    with centre.without("slurmctld"):
        after = await look("a1113a01")
    assert after.problem is not None
    assert [nodes(row) for row in after.rows] == [nodes(row) for row in before.rows]
    assert after.as_of == before.as_of
    assert after.age_s is not None
    assert after.age_s >= 0.5


async def test_the_centres_own_service_refuses_strangers(look: Look, centre: RunningCentre) -> None:
    async with httpx.AsyncClient(timeout=60) as http:
        for _ in range(100):
            answer = await http.get(f"{centre.url}services/queues/api/v1/queues")
            # The hub starts its services after itself: the proxy may be there before them.
            if answer.status_code != 503:
                break
            await asyncio.sleep(0.2)
    assert answer.status_code == 403
    assert answer.json()["status"] == 403
