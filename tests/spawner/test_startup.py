"""The wait for a job and its server: three clocks, one port, and no outage that ends it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable

import pytest

from slurm.monitor import Monitor
from slurm.states import JobPhase
from spawner.startup import AbortedError, BootTimeoutError, JobEndedError, QueueTimeoutError, Startup
from tests.spawner.scripted import ScriptedSlurm, job, monitor_of

LOG = logging.getLogger("test")
Begin = Callable[..., tuple[Startup, "asyncio.Task[tuple[str, int]]"]]


@pytest.fixture
async def slurm() -> ScriptedSlurm:
    return ScriptedSlurm(job("PENDING", reason="Resources"))


@pytest.fixture
async def monitor(slurm: ScriptedSlurm) -> AsyncIterator[Monitor]:
    monitor = monitor_of(slurm)
    yield monitor
    await monitor.close()


@pytest.fixture
def begin(monitor: Monitor) -> Begin:
    def begin(
        queue_timeout: float = 60, boot_timeout: float = 60
    ) -> tuple[Startup, asyncio.Task[tuple[str, int]]]:
        monitor.watch("7")
        startup = Startup(monitor, "7", LOG, queue_timeout=queue_timeout, boot_timeout=boot_timeout)
        return startup, asyncio.ensure_future(startup.address())

    return begin


async def test_server_is_found_on_its_node_at_its_port(slurm: ScriptedSlurm, begin: Begin) -> None:
    startup, address = begin()
    await asyncio.sleep(0.05)
    slurm.say(job("RUNNING"))
    assert startup.accept_port(40123) is None
    assert await asyncio.wait_for(address, 30) == ("gpu03", 40123)


async def test_port_that_comes_before_we_know_the_node_is_kept(slurm: ScriptedSlurm, begin: Begin) -> None:
    startup, address = begin()
    await asyncio.sleep(0.05)
    slurm.down = True
    startup.accept_port(40123)
    await asyncio.sleep(0.05)
    assert not address.done()
    slurm.down = False
    slurm.say(job("RUNNING"))
    assert await asyncio.wait_for(address, 30) == ("gpu03", 40123)


async def test_port_that_comes_while_the_node_is_set_up_waits_for_the_job_to_run(
    slurm: ScriptedSlurm, monitor: Monitor, begin: Begin
) -> None:
    """Else Slurm falling silent now would leave a server that seems to have moved, without a route."""
    slurm.say(job("CONFIGURING", nodes=("gpu03",)))
    startup, address = begin()
    await asyncio.sleep(0.05)
    startup.accept_port(40123)
    slurm.down = True
    await asyncio.sleep(0.1)
    assert not address.done()
    slurm.down = False
    slurm.say(job("RUNNING"))
    assert await asyncio.wait_for(address, 30) == ("gpu03", 40123)
    assert monitor.fate("7").phase is JobPhase.RUNNING


async def test_second_port_is_refused_and_the_same_one_again_is_not(begin: Begin) -> None:
    startup, address = begin()
    assert startup.accept_port(40123) is None
    assert startup.accept_port(40123) is None
    assert startup.accept_port(40124) == "this server has reported its port already"
    address.cancel()


async def test_waiting_does_not_run_the_boot_clock(slurm: ScriptedSlurm, begin: Begin) -> None:
    _startup, address = begin(boot_timeout=0.05)
    await asyncio.sleep(0.3)
    assert not address.done()
    slurm.say(job("RUNNING"))
    with pytest.raises(BootTimeoutError):
        await asyncio.wait_for(address, 30)


async def test_job_that_waits_too_long_is_given_up(begin: Begin) -> None:
    _startup, address = begin(queue_timeout=0.1)
    with pytest.raises(QueueTimeoutError):
        await asyncio.wait_for(address, 30)


@pytest.mark.parametrize("state", ["CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "COMPLETED"])
async def test_job_that_ends_early_is_told_with_its_state(
    slurm: ScriptedSlurm, begin: Begin, state: str
) -> None:
    _startup, address = begin()
    slurm.say(job(state))
    with pytest.raises(JobEndedError) as ended:
        await asyncio.wait_for(address, 30)
    assert ended.value.view.job is not None
    assert ended.value.view.job.state == state


async def test_start_survives_an_outage_of_slurm(slurm: ScriptedSlurm, begin: Begin) -> None:
    startup, address = begin()
    await asyncio.sleep(0.05)
    slurm.down = True
    await asyncio.sleep(0.2)
    assert not address.done()
    slurm.down = False
    slurm.say(job("RUNNING"))
    startup.accept_port(40123)
    assert await asyncio.wait_for(address, 30) == ("gpu03", 40123)


async def test_stop_while_starting_ends_the_wait(begin: Begin) -> None:
    startup, address = begin()
    startup.abort()
    with pytest.raises(AbortedError):
        await asyncio.wait_for(address, 30)


async def test_each_state_is_logged_once(
    slurm: ScriptedSlurm, begin: Begin, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="test"):
        _startup, address = begin()
        await asyncio.sleep(0.6)
        slurm.say(job("RUNNING"))
        await asyncio.sleep(0.6)
    address.cancel()
    assert [record.getMessage() for record in caplog.records] == [
        "Job 7 (hpchub/u/default/1) is PENDING (Resources)",
        "Job 7 (hpchub/u/default/1) is RUNNING (gpu03)",
    ]


async def test_job_requeued_while_it_starts_gets_the_port_of_its_next_server(
    slurm: ScriptedSlurm, begin: Begin
) -> None:
    startup, address = begin()
    await asyncio.sleep(0.05)
    assert startup.accept_port(40123) is None
    for _look in range(50):
        await asyncio.sleep(0.02)
    assert not address.done()
    assert startup.accept_port(40200) is None
    slurm.say(job("RUNNING", nodes=("gpu04",)))
    assert await asyncio.wait_for(address, 30) == ("gpu04", 40200)


async def test_completing_job_may_come_back_into_the_queue(slurm: ScriptedSlurm, begin: Begin) -> None:
    startup, address = begin()
    slurm.say(job("COMPLETING", nodes=("gpu03",)))
    await asyncio.sleep(0.1)
    slurm.say(job("PENDING", reason="BeginTime"))
    await asyncio.sleep(0.1)
    assert not address.done()
    slurm.say(job("RUNNING"))
    startup.accept_port(40123)
    assert await asyncio.wait_for(address, 30) == ("gpu03", 40123)


async def test_job_that_never_finishes_ending_is_given_up(
    slurm: ScriptedSlurm, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spawner.startup.ENDING_LIMIT", 0.1)
    _startup, address = begin()
    slurm.say(job("COMPLETING", nodes=("gpu03",)))
    with pytest.raises(JobEndedError):
        await asyncio.wait_for(address, 30)


@pytest.mark.parametrize("state", ["SUSPENDED", "STOPPED"])
async def test_paused_job_does_not_run_the_boot_clock(slurm: ScriptedSlurm, begin: Begin, state: str) -> None:
    startup, address = begin(boot_timeout=0.2)
    slurm.say(job(state, nodes=("gpu03",)))
    await asyncio.sleep(0.5)
    assert not address.done()
    startup.accept_port(40123)
    assert await asyncio.wait_for(address, 30) == ("gpu03", 40123)


async def test_each_run_of_a_requeued_job_has_its_own_boot_clock(slurm: ScriptedSlurm, begin: Begin) -> None:
    _startup, address = begin(boot_timeout=2)
    for _run in range(4):
        slurm.say(job("RUNNING"))
        await asyncio.sleep(0.7)
        slurm.say(job("PENDING", reason="BeginTime"))
        await asyncio.sleep(0.3)
    assert not address.done()
    address.cancel()


async def test_port_of_an_earlier_run_is_forgotten_once_and_told(
    slurm: ScriptedSlurm, monitor: Monitor
) -> None:
    """What is saved must not be taken up by the hub after this one."""
    told: list[str] = []
    limits = {"queue_timeout": 60.0, "boot_timeout": 60.0}
    monitor.watch("7")
    startup = Startup(monitor, "7", LOG, **limits, forgotten=lambda: told.append("forgotten"))
    address = asyncio.ensure_future(startup.address())
    startup.accept_port(40123)
    async with asyncio.timeout(30):
        while not told:  # noqa: ASYNC110 - who tells it wakes nobody
            await asyncio.sleep(0.02)
    assert told == ["forgotten"]
    slurm.say(job("RUNNING"))
    startup.accept_port(40124)
    assert await asyncio.wait_for(address, 30) == ("gpu03", 40124)


async def test_port_that_comes_as_the_server_is_stopped_is_refused(monitor: Monitor) -> None:
    startup = Startup(monitor, "7", LOG, queue_timeout=60, boot_timeout=60)
    startup.abort()
    assert startup.accept_port(40123) == "this server was stopped"
