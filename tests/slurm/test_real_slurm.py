"""The client and the monitor against a real Slurm."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from slurm import process
from slurm.client import SlurmClient
from slurm.errors import SlurmRefused, classify
from slurm.monitor import Monitor
from slurm.records import Node
from slurm.states import JobPhase, NodeUse, is_held, is_paused, node_use
from tests.centre import RunningCentre
from tests.slurm.patience import until

pytestmark = pytest.mark.centre
SHARED = ("--gres=shard:1", "--cpus-per-task=2")


async def test_everything_that_this_slurm_says_is_understood(
    centre: RunningCentre, client: SlurmClient, caplog: pytest.LogCaptureFixture
) -> None:
    job_id = await asyncio.to_thread(centre.submit, "a1113a01", *SHARED)
    jobs, nodes, partitions = await client.jobs(), await client.nodes(), await client.partitions()
    assert (jobs[job_id].partition, jobs[job_id].account) == ("jupyter", "proj01")
    assert (len(nodes), nodes["gpu01"].gpus, nodes["gpu01"].shards) == (13, {"v100": 2}, 10)
    assert partitions["amd_a100_4"].nodes == ("gpu06", "gpu07", "gpu08", "gpu09", "gpu10", "gpu11")
    accounts = {a.account for a in await client.associations() if a.user == "a1113a02"}
    assert accounts == {"proj01", "proj02"}
    assert caplog.records == []


async def test_users_have_their_names_where_the_directory_is_seen(
    centre: RunningCentre, client: SlurmClient, tmp_path: Path
) -> None:
    job_id = await asyncio.to_thread(centre.submit, "a1113a02", "-A", "proj02", *SHARED)
    inside = shlex.join(centre.command(["env", "SQUEUE_FORMAT2=FORMAT", "squeue"], "hpchub"))
    client.squeue_command = str(tmp_path / "squeue")
    script = inside.replace("SQUEUE_FORMAT2=FORMAT", '"SQUEUE_FORMAT2=$SQUEUE_FORMAT2" SLURM_TIME_FORMAT=%s')
    (tmp_path / "squeue").write_text(f'#!/bin/sh\nexec {script} "$@"\n')
    (tmp_path / "squeue").chmod(0o755)
    job = (await client.jobs())[job_id]
    assert (job.user, job.account) == ("a1113a02", "proj02")


async def test_a_job_is_followed_from_its_submission_to_long_after_its_end(
    centre: RunningCentre, monitor: Monitor
) -> None:
    job_id = await asyncio.to_thread(centre.submit, "a1113a01", *SHARED)
    monitor.watch(job_id)
    assert monitor.fate(job_id).phase is JobPhase.WAITING
    await until(monitor, lambda: monitor.fate(job_id).phase is JobPhase.RUNNING)
    job = monitor.fate(job_id).job
    assert job is not None
    assert job.started is not None
    assert job.ends is not None
    assert job.ends > job.started

    await asyncio.to_thread(centre.run, ["scontrol", "suspend", job_id])
    await until(monitor, lambda: is_paused(monitor.snapshot.jobs[job_id].state))
    assert monitor.fate(job_id).phase is JobPhase.RUNNING
    await asyncio.to_thread(centre.run, ["scontrol", "resume", job_id])
    await until(monitor, lambda: not is_paused(monitor.snapshot.jobs[job_id].state))

    await asyncio.to_thread(centre.run, ["scancel", job_id])
    await until(monitor, lambda: monitor.fate(job_id).phase is JobPhase.ENDED)
    assert (record := await monitor.client.ended_job(job_id)) is not None
    assert record.state == "CANCELLED"


async def test_a_job_that_slurm_has_forgotten_is_ended_after_two_looks(
    centre: RunningCentre, monitor: Monitor
) -> None:
    job_id = await asyncio.to_thread(centre.submit, "a1113a01", *SHARED, script="true")
    await asyncio.to_thread(centre.wait_for_job, job_id, "", limit=150)
    monitor.watch(job_id, just_submitted=False)
    assert await monitor.changed(5)
    assert monitor.fate(job_id).phase is JobPhase.UNKNOWN
    await until(monitor, lambda: monitor.fate(job_id).phase is JobPhase.ENDED)
    assert (record := await monitor.client.ended_job(job_id)) is not None
    assert (record.state, record.exit_code) == ("COMPLETED", "0:0")


async def test_a_held_and_a_requeued_job_wait_and_say_so(centre: RunningCentre, monitor: Monitor) -> None:
    held = await asyncio.to_thread(centre.submit, "a1113a01", "--hold", *SHARED)
    again = await asyncio.to_thread(centre.submit, "a1113a01", "--requeue", *SHARED)
    monitor.watch(held)
    monitor.watch(again)
    await until(monitor, lambda: monitor.fate(again).phase is JobPhase.RUNNING)
    await asyncio.to_thread(centre.run, ["scontrol", "requeuehold", again])
    await until(monitor, lambda: monitor.fate(again).phase is JobPhase.WAITING)
    for job_id in (held, again):
        job = monitor.fate(job_id).job
        assert job is not None
        assert is_held(job.state, job.reason)


async def test_a_job_named_like_a_row_ends_nobody_elses(centre: RunningCentre, client: SlurmClient) -> None:
    victim = await asyncio.to_thread(centre.submit, "a1113a02", *SHARED)
    row = f"x\n{victim}|CANCELLED|jupyter|a1113a02|proj01|normal|1|1|1|1:00|1|1|evil|evil|N/A"
    evil = await asyncio.to_thread(centre.submit, "a1113a01", "-J", row, "--comment", row, *SHARED)
    jobs = await client.jobs()
    assert jobs[victim].state in {"PENDING", "RUNNING"}
    assert (jobs[evil].name, jobs[evil].comment) == (row, row)


async def _nodes_until(client: SlurmClient, true: Callable[[dict[str, Node]], bool]) -> dict[str, Node]:
    """Slurm marks the nodes of a reservation some seconds after it has made it."""
    deadline = time.monotonic() + 30
    while not true(nodes := await client.nodes()):
        assert time.monotonic() < deadline, {name: sorted(node.states) for name, node in nodes.items()}
        await asyncio.sleep(0.3)
    return nodes


def _column(nodes: dict[str, Node], use: NodeUse) -> set[str]:
    return {node.name for node in nodes.values() if node_use(node) is use}


async def test_nodes_that_are_taken_out_are_down_for_newcomers(
    centre: RunningCentre, client: SlurmClient
) -> None:
    job_id = await asyncio.to_thread(centre.submit, "a1113a01", "-w", "gpu01", *SHARED)
    await asyncio.to_thread(centre.wait_for_job, job_id, "RUNNING")
    change = ["scontrol", "update"]
    reserve = ["scontrol", "create", "reservation", "starttime=now", "duration=10", "users=root"]
    await asyncio.to_thread(
        centre.run, [*change, "nodename=gpu01,gpu07", "state=drain", "reason=a Gres=gpu:9 fan"]
    )
    await asyncio.to_thread(centre.run, [*reserve, "reservationname=course", "nodes=gpu09"])
    await asyncio.to_thread(centre.run, [*reserve, "reservationname=service", "flags=maint", "nodes=gpu08"])
    try:
        out = {"gpu01", "gpu07", "gpu08", "gpu09"}
        nodes = await _nodes_until(client, lambda nodes: out <= _column(nodes, NodeUse.DOWN))
        assert nodes["gpu01"].states >= {"MIXED", "DRAIN"}
        assert nodes["gpu01"].reason == "a Gres=gpu:9 fan"
        assert (nodes["gpu01"].gpus, nodes["gpu01"].shards_allocated >= 1) == ({"v100": 2}, True)
    finally:
        await asyncio.to_thread(centre.run, [*change, "nodename=gpu01,gpu07", "state=resume"])
        for name in ("course", "service"):
            await asyncio.to_thread(centre.run, ["scontrol", "delete", f"reservationname={name}"])
    await _nodes_until(client, lambda nodes: "gpu09" in _column(nodes, NodeUse.IDLE))


async def test_a_whole_node_takes_all_its_gpus(centre: RunningCentre, client: SlurmClient) -> None:
    job_id = await asyncio.to_thread(centre.submit, "a1113a01", "-p", "amd_a100_4", "-w", "gpu10")
    await asyncio.to_thread(centre.wait_for_job, job_id, "RUNNING")
    node = (await client.nodes())["gpu10"]
    assert (node_use(node), node.gpus_allocated) == (NodeUse.ALLOC, {"a100": 4})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-p", "nowhere"], "Invalid partition name specified"),
        (["-A", "proj02"], "Invalid account or account/partition combination specified"),
        (["-t", "soon"], "Invalid --time specification"),
        (["--gres=gpu:99"], "Requested node configuration is not available"),
    ],
)
def test_what_slurm_refuses_is_a_refusal_in_its_own_words(
    centre: RunningCentre, options: list[str], words: str
) -> None:
    done = centre.run(["sbatch", "--parsable", *options, "--wrap", "true"], "a1113a01", check=False)
    error = classify("sbatch", done.returncode, done.stdout, done.stderr)
    assert type(error) is SlurmRefused
    assert words in error.message


async def test_an_unknown_job_is_the_one_refusal_that_proves_something(client: SlurmClient) -> None:
    env = {**process.base_environment(), **client.environment}
    done = await process.run(["squeue", "-h", "-j", "999999"], env=env)
    error = classify("squeue", done.returncode, done.stdout, done.stderr)
    assert isinstance(error, SlurmRefused)
    assert error.unknown_job
