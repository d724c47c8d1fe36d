"""Limits, reservations, expected starts and longer time limits, held against what a real Slurm then does."""

from __future__ import annotations

import asyncio
import logging
import shlex
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from slurm import process
from slurm.accounts import Accounts
from slurm.client import SlurmClient
from slurm.errors import SlurmRefused, SlurmUnavailable
from slurm.expected import Expected, parse_test_only
from slurm.limits import Limit, limits_of, refusal
from slurm.monitor import Monitor
from slurm.reservations import open_to
from slurm.states import JobPhase
from tests.centre import RunningCentre
from tests.slurm.patience import until

pytestmark = pytest.mark.centre
SHARED = ("--gres=shard:1", "--cpus-per-task=2")
ANNA = "a1113a01"


@pytest.fixture
def inside(centre: RunningCentre, client: SlurmClient, tmp_path: Path) -> SlurmClient:
    """Have squeue run where users have names."""
    command = shlex.join(centre.command(["env", "SQUEUE_FORMAT2=FORMAT", "squeue"], "hpchub"))
    script = command.replace(
        "SQUEUE_FORMAT2=FORMAT", '"SQUEUE_FORMAT2=$SQUEUE_FORMAT2" TZ=UTC SLURM_TIME_FORMAT=%s'
    )
    program = tmp_path / "squeue"
    program.write_text(f'#!/bin/sh\nexec {script} "$@"\n')
    program.chmod(0o755)
    client.squeue_command = str(program)
    return client


def _manage(centre: RunningCentre, *words: str) -> None:
    centre.run(["sacctmgr", "--immediate", *words])


@pytest.fixture
def limited(centre: RunningCentre) -> Iterator[None]:
    """Give a1113a01 and proj01 limits, and a QoS others."""
    _manage(centre, "modify", "user", ANNA, "account=proj01", "set", "MaxSubmit=3", "MaxJobs=2")
    _manage(centre, "modify", "account", "proj01", "set", "GrpTRES=gres/gpu=4")
    _manage(centre, "add", "qos", "short")
    _manage(centre, "modify", "qos", "short", "set", "MaxTRESPU=gres/gpu=1", "MaxWall=02:00:00")
    yield
    centre.cancel_all_jobs()
    _manage(centre, "modify", "user", ANNA, "account=proj01", "set", "MaxSubmit=-1", "MaxJobs=-1")
    _manage(centre, "modify", "account", "proj01", "set", "GrpTRES=gres/gpu=-1")
    _manage(centre, "delete", "qos", "short")


async def test_limits_are_those_by_which_slurm_refuses(
    centre: RunningCentre, inside: SlurmClient, limited: None
) -> None:
    accounts = Accounts(inside, logging.getLogger("hpchub"))
    rules = await accounts.rules()
    assert rules is not None
    assert rules.enforced
    assert rules.qos["short"].max_gpus_pu == {"": 1}
    assert rules.qos["short"].max_time == timedelta(hours=2)
    first = await asyncio.to_thread(centre.submit, ANNA, "--gres=gpu:1", "-w", "gpu01")
    await asyncio.to_thread(centre.submit, ANNA, "--hold", *SHARED)
    await asyncio.to_thread(centre.wait_for_job, first, "RUNNING")

    async def limits() -> tuple[Limit, ...]:
        jobs, partitions = await inside.jobs(), await inside.partitions()
        who = {"user": ANNA, "account": "proj01", "qos": None}
        return limits_of(rules, jobs, partition=partitions["jupyter"], **who)  # type: ignore[arg-type]

    found = await limits()
    assert found == (
        Limit("submitted", 2, 3, f"user {ANNA}"),
        Limit("running", 1, 2, f"user {ANNA}"),
        Limit("gpus", 1, 4, "account proj01", group=True),
    )
    assert refusal(found, 1) is None
    await asyncio.to_thread(centre.submit, ANNA, "--hold", *SHARED)
    assert (limit := refusal(await limits(), 1)) is not None
    assert limit.kind == "submitted"
    argv = ["sbatch", "--wrap", "true"]
    done = await asyncio.to_thread(centre.run, argv, ANNA, check=False)
    assert "AssocMaxSubmitJobLimit" in done.stderr
    # However many ask: one question each for associations and QoS.
    await asyncio.gather(*(accounts.rules() for _ in range(50)))
    assert inside.queries["sacctmgr"] == 2
    await accounts.close()


async def test_while_the_accounting_database_is_out_no_limits_are_known(
    centre: RunningCentre, client: SlurmClient
) -> None:
    accounts = Accounts(client, logging.getLogger("hpchub"))
    await asyncio.to_thread(centre.stop, "slurmdbd")
    try:
        assert await accounts.rules() is None
        assert await accounts.of(ANNA) is None
    finally:
        await asyncio.to_thread(centre.start, "slurmdbd")
    await accounts.close()


async def test_who_may_use_a_reservation_is_who_slurm_lets_in(
    centre: RunningCentre, client: SlurmClient
) -> None:
    create = ["scontrol", "create", "reservation", "duration=30", "starttime=now"]
    await asyncio.to_thread(centre.run, [*create, "reservationname=course", f"users={ANNA}", "nodes=gpu06"])
    await asyncio.to_thread(
        centre.run, [*create, "reservationname=others", "accounts=-proj01", "nodes=gpu07"]
    )
    projects = {ANNA: {"proj01"}, "a1113a03": {"proj02"}}
    try:
        found = await client.reservations()
        assert found["course"].nodes == ("gpu06",)
        for name, reservation in found.items():
            for user, accounts in projects.items():
                options = ["-p", "amd_a100_4", f"--reservation={name}", "--test-only", "--wrap", "true"]
                done = await asyncio.to_thread(centre.run, ["sbatch", *options], user, check=False)
                expected = parse_test_only(done.returncode, done.stdout, done.stderr)
                may = open_to(reservation, user=user, groups=frozenset(), accounts=accounts)
                assert may is (expected.refusal == ""), (name, user, expected)
    finally:
        for name in ("course", "others"):
            await asyncio.to_thread(centre.run, ["scontrol", "delete", f"reservationname={name}"])
    assert await client.reservations() == {}


def _expected(centre: RunningCentre, *options: str) -> Expected:
    argv = ["env", "SLURM_TIME_FORMAT=%s", "sbatch", "--test-only", *options, "--wrap", "true"]
    done = centre.run(argv, ANNA, check=False)
    return parse_test_only(done.returncode, done.stdout, done.stderr)


async def test_the_expected_start_is_now_on_a_free_queue_and_later_on_a_full_one(
    centre: RunningCentre,
) -> None:
    now = await asyncio.to_thread(_expected, centre, "-p", "amd_a100_4", "-w", "gpu08")
    assert now.nodes == ("gpu08",)
    assert now.start is not None
    assert abs(now.start - datetime.now(UTC)) < timedelta(minutes=1)
    job = await asyncio.to_thread(centre.submit, ANNA, "-p", "amd_a100_4", "-w", "gpu08", "-t", "60")
    await asyncio.to_thread(centre.wait_for_job, job, "RUNNING")
    later = await asyncio.to_thread(_expected, centre, "-p", "amd_a100_4", "-w", "gpu08")
    assert later.start is not None
    assert later.start - datetime.now(UTC) > timedelta(minutes=55)
    refused = await asyncio.to_thread(_expected, centre, "-p", "bigmem")
    assert refused == Expected(refusal="Invalid account or account/partition combination specified")
    assert not refused.perhaps_later


async def test_a_queue_whose_nodes_are_all_out_refuses_for_today_only(centre: RunningCentre) -> None:
    nodes = "nodename=gpu[06-11]"
    await asyncio.to_thread(centre.run, ["scontrol", "update", nodes, "state=drain", "reason=fans"])
    try:
        expected = await asyncio.to_thread(_expected, centre, "-p", "amd_a100_4")
        assert expected.refusal == "Requested node configuration is not available"
        assert expected.perhaps_later
        assert await asyncio.to_thread(centre.submit, ANNA, "-p", "amd_a100_4")  # sbatch itself takes it
    finally:
        await asyncio.to_thread(centre.run, ["scontrol", "update", nodes, "state=resume"])


async def test_without_a_controller_nothing_is_expected(centre: RunningCentre) -> None:
    await asyncio.to_thread(centre.stop, "slurmctld")
    try:
        with pytest.raises(SlurmUnavailable):
            await asyncio.to_thread(_expected, centre)
    finally:
        await asyncio.to_thread(centre.start, "slurmctld")


async def test_a_running_job_gets_more_time_and_an_ended_one_is_refused(
    centre: RunningCentre, client: SlurmClient
) -> None:
    job = await asyncio.to_thread(centre.submit, ANNA, "-t", "30", *SHARED)
    await asyncio.to_thread(centre.wait_for_job, job, "RUNNING")
    await client.set_time_limit(job, 90)
    record = (await client.jobs())[job]
    assert record.time_limit == timedelta(minutes=90)
    assert record.started is not None
    assert record.ends == record.started + timedelta(minutes=90)
    await asyncio.to_thread(centre.run, ["scancel", job])
    await asyncio.to_thread(centre.wait_for_job, job, "CANCELLED", "")
    with pytest.raises(SlurmRefused):
        await client.set_time_limit(job, 120)
    with pytest.raises(SlurmRefused) as caught:
        await client.set_time_limit("999999", 120)
    assert caught.value.unknown_job
    with pytest.raises(ValueError, match="not a job and a time"):
        await client.set_time_limit("1 JobId=2", 120)


async def test_a_controller_that_lost_its_state_does_not_lend_our_number_to_others(
    centre: RunningCentre, monitor: Monitor
) -> None:
    ours = await asyncio.to_thread(centre.submit, ANNA, "-J", "ours", *SHARED)
    monitor.watch(ours, name="ours")
    await until(monitor, lambda: monitor.fate(ours).phase is JobPhase.RUNNING)
    state = centre.instance.data / "slurmctld"
    saved = state.with_name("slurmctld.saved")
    await asyncio.to_thread(centre.stop, "slurmctld")
    await process.run(["cp", "-a", str(state), str(saved)])
    for file in state.glob("job_state*"):
        file.unlink()
    monitor.client.environment, usual = {"SLURM_CONF": "/nowhere"}, monitor.client.environment
    await asyncio.to_thread(centre.start, "slurmctld")
    try:
        many = f"for job in $(seq {ours}); do sbatch --hold -J theirs -o /dev/null --wrap true; done"
        done = await asyncio.to_thread(centre.run, ["sh", "-c", many], "a1113a02")
        assert done.stdout.splitlines()[-1] == f"Submitted batch job {ours}"
        monitor.client.environment = usual
        await until(monitor, lambda: monitor.fate(ours).phase is JobPhase.ENDED)
        assert monitor.snapshot.jobs[ours].name == "theirs"
        assert (job := monitor.fate(ours).job) is not None
        assert job.name == "ours"
    finally:
        await asyncio.to_thread(centre.stop, "slurmctld")
        shutil.rmtree(state)
        saved.rename(state)
        await asyncio.to_thread(centre.start, "slurmctld")
