"""Jobs that could not be cancelled while Slurm was away."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from slurm.errors import SlurmUnavailable
from slurm.records import Job
from spawner.abandoned import Abandoned
from tests.spawner.scripted import ScriptedSlurm, job, monitor_of

NAME = "hpchub/u/default/1"


class Canceller:
    """Counts cancellations; the first ones fail."""

    def __init__(self, slurm: ScriptedSlurm, failures: int = 0) -> None:
        self.slurm, self.failures, self.calls = slurm, failures, 0

    async def __call__(self, found: Job) -> None:
        self.calls += 1
        if self.calls <= self.failures:
            raise SlurmUnavailable("scancel", 8, "Unable to contact slurm controller")
        self.slurm.say(job("CANCELLED", id=found.id))


@pytest.fixture
async def slurm() -> ScriptedSlurm:
    return ScriptedSlurm(job("RUNNING"))


@pytest.fixture
async def abandoned(slurm: ScriptedSlurm) -> AsyncIterator[Abandoned]:
    monitor = monitor_of(slurm)
    abandoned = Abandoned(monitor, logging.getLogger("test"), interval=0.02, patience=3)
    yield abandoned
    abandoned.close()
    await monitor.close()


async def until_settled(abandoned: Abandoned) -> None:
    for _ in range(1500):
        if not abandoned.names:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"still abandoned: {abandoned.names}")


async def test_job_is_cancelled_though_nobody_has_looked_at_the_nodes_since_the_outage(
    slurm: ScriptedSlurm, abandoned: Abandoned
) -> None:
    slurm.down = True
    await abandoned._monitor.look_nodes(0)  # a page, which nobody opens again
    cancel = Canceller(slurm)
    abandoned.add(NAME, "u", cancel)
    slurm.down = False
    await until_settled(abandoned)
    assert cancel.calls == 1


async def test_job_is_cancelled_when_slurm_is_back(slurm: ScriptedSlurm, abandoned: Abandoned) -> None:
    slurm.down = True
    cancel = Canceller(slurm)
    abandoned.add(NAME, "u", cancel)
    await asyncio.sleep(0.2)
    assert (cancel.calls, abandoned.names) == (0, {NAME})
    slurm.down = False
    await until_settled(abandoned)
    assert cancel.calls == 1


async def test_cancellation_that_fails_is_tried_again(slurm: ScriptedSlurm, abandoned: Abandoned) -> None:
    cancel = Canceller(slurm, failures=2)
    abandoned.add(NAME, "u", cancel)
    await until_settled(abandoned)
    assert cancel.calls == 3


async def test_job_that_was_never_submitted_is_forgotten(slurm: ScriptedSlurm, abandoned: Abandoned) -> None:
    slurm.say(job("RUNNING", id="8", name="hpchub/somebody/default/2"))
    cancel = Canceller(slurm)
    abandoned.add(NAME, "u", cancel)
    await until_settled(abandoned)
    assert cancel.calls == 0


@pytest.mark.parametrize("state", ["RUNNING", "CANCELLED"])
async def test_job_of_somebody_else_with_the_same_name_hides_nothing(
    slurm: ScriptedSlurm, abandoned: Abandoned, state: str
) -> None:
    meant, other = job("RUNNING"), job(state, id="8", user="mallory")
    slurm.say(meant, other)
    cancelled = []

    async def cancel(found: Job) -> None:
        cancelled.append(found.id)
        slurm.say(other)

    abandoned.add(NAME, "u", cancel)
    await until_settled(abandoned)
    assert cancelled == ["7"]


async def test_mistake_of_ours_keeps_no_job_from_being_cancelled(
    slurm: ScriptedSlurm, abandoned: Abandoned
) -> None:
    calls = []

    async def cancel(found: Job) -> None:
        calls.append(found.id)
        if len(calls) == 1:
            raise KeyError("ok")
        slurm.say()

    abandoned.add(NAME, "u", cancel)
    await until_settled(abandoned)
    assert len(calls) == 2
