"""A client and a quick monitor of the tests' real cluster."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator

import pytest

from slurm.client import SlurmClient
from slurm.monitor import Monitor
from tests.centre import RunningCentre


@pytest.fixture(scope="module")
def centre_of_ours(centre: RunningCentre) -> Iterator[RunningCentre]:
    centre.cancel_all_jobs()
    yield centre
    centre.cancel_all_jobs()


@pytest.fixture
def client(centre_of_ours: RunningCentre) -> SlurmClient:
    return SlurmClient(
        environment={"SLURM_CONF": str(centre_of_ours.slurm_conf)}, log=logging.getLogger("hpchub")
    )


@pytest.fixture
async def monitor(client: SlurmClient) -> AsyncIterator[Monitor]:
    quick = {"waiting_interval": 0.3, "running_interval": 0.3, "min_interval": 0.2, "max_backoff": 0.5}
    monitor = Monitor(client=client, log=logging.getLogger("hpchub"), **quick)
    yield monitor
    await monitor.close()
