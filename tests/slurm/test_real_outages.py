"""A real Slurm whose parts are stopped one after the other."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from slurm.client import SlurmClient
from slurm.errors import SlurmUnavailable
from slurm.monitor import Monitor
from slurm.states import JobPhase
from tests.centre import RunningCentre
from tests.slurm.patience import until

pytestmark = pytest.mark.centre
SHARED = ("--gres=shard:1", "--cpus-per-task=2")


@pytest.mark.parametrize("program", ["slurmctld", "munge"])
async def test_a_server_outlives_an_outage(
    centre: RunningCentre, monitor: Monitor, program: str, caplog: pytest.LogCaptureFixture
) -> None:
    job_id = await asyncio.to_thread(centre.submit, "a1113a01", *SHARED)
    monitor.watch(job_id)
    await until(monitor, lambda: monitor.fate(job_id).phase is JobPhase.RUNNING)
    await asyncio.to_thread(centre.stop, program)
    try:
        await until(monitor, lambda: monitor.snapshot.problem is not None)
        assert isinstance(monitor._jobs.error, SlurmUnavailable)
        for _ in range(2):
            await monitor.changed(15)
        assert monitor.fate(job_id).phase is JobPhase.RUNNING
        assert (monitor.fate(job_id).age_s or 0) > 2
    finally:
        await asyncio.to_thread(centre.start, program)
    await until(monitor, lambda: monitor.snapshot.problem is None, limit=60)
    assert monitor.fate(job_id).phase is JobPhase.RUNNING
    assert [record.levelname for record in caplog.records if record.name == "hpchub"] == ["WARNING"]


async def test_a_controller_that_hangs_costs_a_page_no_more_than_its_patience(
    centre: RunningCentre, monitor: Monitor
) -> None:
    await monitor.look_jobs(0)
    monitor.client.timeout = 3.0
    centre.signal("slurmctld", "STOP")
    try:
        await asyncio.sleep(0.3)
        began = time.monotonic()
        shot = await monitor.look_jobs(0, patience=0.5)
        assert time.monotonic() - began < 2.5
        assert shot.jobs_at is not None
        assert await monitor.changed(10)
        assert monitor.snapshot.problem == "squeue: did not answer within 3 s"
    finally:
        centre.signal("slurmctld", "CONT")
    async with asyncio.timeout(60):
        while (await monitor.look_jobs(0)).problem:  # noqa: ASYNC110 - nobody else looks
            await asyncio.sleep(0.6)


async def test_without_the_accounting_database_the_table_still_comes(
    centre: RunningCentre, client: SlurmClient
) -> None:
    await asyncio.to_thread(centre.stop, "slurmdbd")
    try:
        assert len(await client.nodes()) == 13
        with pytest.raises(SlurmUnavailable):
            await client.associations()
        with pytest.raises(SlurmUnavailable):
            await client.ended_job("1")
    finally:
        await asyncio.to_thread(centre.start, "slurmdbd")


async def test_a_broken_configuration_is_an_outage(tmp_path: Path, client: SlurmClient) -> None:
    (tmp_path / "slurm.conf").write_text("nonsense here\n")
    client.environment = {"SLURM_CONF": str(tmp_path / "slurm.conf")}
    with pytest.raises(SlurmUnavailable, match="Unable to process configuration file") as caught:
        await client.jobs()
    assert caught.value.summary == "squeue: Unable to process configuration file"
