"""What the monitor tells its users, in virtual time."""

import asyncio
import logging
from dataclasses import replace

import pytest

from slurm.monitor import Monitor
from slurm.states import JobPhase
from tests.slurm.virtual import OUTAGE, ScriptedSlurm, gaps, in_virtual_time, job


def test_after_a_submission_the_next_look_comes_as_soon_as_allowed() -> None:
    async def story(monitor: Monitor, slurm: ScriptedSlurm) -> None:
        slurm.states = {"1": "RUNNING"}
        monitor.watch("1")
        await asyncio.sleep(10)
        slurm.states["2"] = "RUNNING"
        monitor.watch("2")
        assert monitor.fate("2").phase is JobPhase.WAITING
        monitor.look_soon()
        assert await monitor.changed(2.1)
        assert monitor.fate("2").phase is JobPhase.RUNNING

    in_virtual_time(story)


def test_a_look_that_began_before_the_submission_says_nothing_about_it() -> None:
    async def story(monitor: Monitor, slurm: ScriptedSlurm) -> None:
        slurm.takes = 0.5
        looking = asyncio.create_task(monitor.look_jobs(0))
        await asyncio.sleep(0.1)
        monitor.watch("7")
        monitor.look_soon()
        await looking
        assert monitor.fate("7").phase is JobPhase.WAITING
        slurm.states = {"7": "CONFIGURING"}
        await asyncio.sleep(3.6)
        assert monitor.fate("7").phase is JobPhase.STARTING

    in_virtual_time(story)


def test_an_outage_ends_no_server_and_keeps_the_figures_with_their_age(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story(monitor: Monitor, slurm: ScriptedSlurm) -> None:
        slurm.states = {"1": "RUNNING"}
        monitor.watch("1")
        await monitor.look_nodes(0)
        await asyncio.sleep(31)
        good = monitor.snapshot.jobs_at
        slurm.failure = OUTAGE
        await asyncio.sleep(600)
        shot = await monitor.look_nodes(0)
        assert shot.problem == "squeue: Unable to contact slurm controller (connect failure)"
        assert (set(shot.jobs), set(shot.nodes), shot.jobs_at) == ({"1"}, {"n1"}, good)
        view = monitor.fate("1")
        assert view.phase is JobPhase.RUNNING
        assert view.age_s == pytest.approx(601, abs=1)
        assert max(gaps(slurm.asked_at)) <= 61
        slurm.failure = None
        await asyncio.sleep(61)
        assert (await monitor.look_nodes(0)).problem is None
        assert monitor.fate("1").age_s == pytest.approx(0, abs=31)

    with caplog.at_level(logging.INFO):
        in_virtual_time(story, log=logging.getLogger("hpchub"))
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "connect failure" in caplog.text


def test_a_page_in_an_outage_waits_only_as_long_as_it_wants() -> None:
    async def story(monitor: Monitor, slurm: ScriptedSlurm) -> None:
        slurm.takes, slurm.failure = 8.0, OUTAGE
        loop = asyncio.get_running_loop()
        began = loop.time()
        shot = await monitor.look_jobs(0, patience=0.5)
        assert loop.time() - began == pytest.approx(0.5)
        assert (shot.problem, shot.jobs_at, shot.as_of) == (None, None, None)
        await asyncio.sleep(8)
        began = loop.time()
        assert (await monitor.look_jobs(0)).problem is not None
        assert loop.time() == began
        assert slurm.queries["squeue"] == 1

    in_virtual_time(story)


def test_figures_are_fresh_soon_after_slurm_is_back_for_somebody_who_looks() -> None:
    async def story(monitor: Monitor, slurm: ScriptedSlurm) -> None:
        slurm.states = {"1": "RUNNING"}
        monitor.watch("1")
        await asyncio.sleep(31)
        slurm.takes, slurm.failure = 8.0, OUTAGE
        await asyncio.sleep(600)
        slurm.asked_at.clear()
        for _ in range(600):  # many pages, again and again
            await asyncio.gather(*(monitor.look_jobs(0, patience=0.1) for _ in range(5)))
            await asyncio.sleep(0.1)
        assert len(slurm.asked_at) <= 8
        slurm.takes, slurm.failure = 0.01, None
        for _ in range(18):
            await monitor.look_jobs(0, patience=0.1)
            await asyncio.sleep(1)
        assert monitor.snapshot.problem is None
        assert monitor.fate("1").age_s == pytest.approx(0, abs=9)

    in_virtual_time(story)


def test_a_page_that_finds_slurm_back_quickens_the_looks_for_those_who_wait() -> None:
    async def story(monitor: Monitor, slurm: ScriptedSlurm) -> None:
        slurm.states = {"1": "PENDING"}
        slurm.failure = OUTAGE
        monitor.watch("1")
        await asyncio.sleep(600)
        slurm.failure = None
        await monitor.look_jobs(0)
        slurm.states = {"1": "RUNNING"}
        await asyncio.sleep(5.1)
        assert monitor.fate("1").phase is JobPhase.RUNNING

    in_virtual_time(story)


def test_a_job_with_our_number_and_another_name_is_not_ours() -> None:
    async def story(monitor: Monitor, slurm: ScriptedSlurm) -> None:
        slurm.states = {"1": "RUNNING"}  # of the name "nb"
        monitor.watch("1", name="ours")
        monitor.watch("2", name="nb")
        slurm.states["2"] = "RUNNING"
        await asyncio.sleep(60)
        assert monitor.fate("1").phase is JobPhase.ENDED
        assert monitor.fate("1").job is None
        assert monitor.fate("2").phase is JobPhase.RUNNING

    in_virtual_time(story)


def test_reservations_that_cannot_be_read_leave_the_nodes_and_the_last_ones() -> None:
    async def story(monitor: Monitor, slurm: ScriptedSlurm) -> None:
        assert set((await monitor.look_nodes(0)).reservations) == {"course"}
        slurm.reservations_failure = OUTAGE
        await asyncio.sleep(100)
        shot = await monitor.look_nodes(0)
        assert (set(shot.nodes), set(shot.reservations), shot.problem) == ({"n1"}, {"course"}, None)

    in_virtual_time(story)


def test_a_mistake_in_our_own_code_is_an_outage_and_not_the_end(caplog: pytest.LogCaptureFixture) -> None:
    async def story(monitor: Monitor, slurm: ScriptedSlurm) -> None:
        slurm.states = {"1": "RUNNING"}
        monitor.watch("1")
        await asyncio.sleep(1)
        slurm.failure = KeyError("oops")
        await asyncio.sleep(60)
        assert monitor.fate("1").phase is JobPhase.RUNNING
        assert monitor.snapshot.problem == "squeue: KeyError: 'oops'"

    in_virtual_time(story, log=logging.getLogger("hpchub"))
    assert "Traceback" in caplog.text


def test_one_who_gives_up_does_not_take_the_answer_from_the_others() -> None:
    async def story(monitor: Monitor, slurm: ScriptedSlurm) -> None:
        slurm.takes = 1.0
        slurm.states = {"1": "RUNNING"}
        impatient = asyncio.create_task(monitor.look_jobs(0))
        patient = asyncio.create_task(monitor.look_jobs(0))
        await asyncio.sleep(0.5)
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        assert set((await patient).jobs) == {"1"}
        assert slurm.queries["squeue"] == 1

    in_virtual_time(story)


def test_closing_lets_everybody_go() -> None:
    async def story(monitor: Monitor, slurm: ScriptedSlurm) -> None:
        slurm.takes = 1000.0
        monitor.watch("1")
        waiting = asyncio.create_task(monitor.look_jobs(0))
        await asyncio.sleep(1)
        await monitor.close()
        assert (await waiting).jobs == {}

    in_virtual_time(story)


def test_who_waits_for_a_change_hears_of_failures_too_and_of_nothing_in_time() -> None:
    async def story(monitor: Monitor, slurm: ScriptedSlurm) -> None:
        assert not await monitor.changed(10)
        slurm.failure = OUTAGE
        monitor.watch("1")
        assert await monitor.changed(10)
        assert monitor.snapshot.problem is not None

    in_virtual_time(story)


def test_a_job_that_nobody_watches_is_told_from_the_last_look() -> None:
    async def story(monitor: Monitor, slurm: ScriptedSlurm) -> None:
        slurm.states = {"1": "SUSPENDED"}
        assert monitor.fate("1").phase is JobPhase.UNKNOWN
        await monitor.look_jobs(0)
        assert monitor.fate("1").phase is JobPhase.RUNNING
        assert monitor.fate("2").phase is JobPhase.UNKNOWN

    in_virtual_time(story)


def test_a_state_of_a_newer_slurm_is_logged_once_and_the_job_kept(caplog: pytest.LogCaptureFixture) -> None:
    async def story(monitor: Monitor, slurm: ScriptedSlurm) -> None:
        slurm.states = {"1": "DREAMING"}
        monitor.watch("1")
        await asyncio.sleep(300)
        assert monitor.fate("1").phase is JobPhase.UNKNOWN

    in_virtual_time(story, log=logging.getLogger("hpchub"))
    assert caplog.text.count("DREAMING") == 1


def test_a_waiting_user_hears_how_many_are_ahead() -> None:
    async def story(monitor: Monitor, slurm: ScriptedSlurm) -> None:
        slurm.records = [
            job("9", "PENDING", priority=10),
            job("8", "PENDING", priority=10),
            job("10", "PENDING", priority=10),
            job("11", "PENDING", priority=50),
            job("12_[1-5]", "PENDING", priority=50),
            job("2", "PENDING", priority=99, reason="JobHeldUser"),
            job("3", "PENDING", priority=99, reason="Dependency"),
            job("4", "RUNNING", priority=99),
        ]
        await monitor.look_jobs(0)
        assert [monitor.ahead(job_id) for job_id in ("11", "8", "9", "10")] == [0, 2, 3, 4]
        assert monitor.ahead("4") is monitor.ahead("777") is None
        # One that may run in several partitions has those of all before it, and each once.
        more = {"13": (20, "p,q"), "14": (30, "q"), "15": (30, "q,p")}
        for job_id, (priority, partition) in more.items():
            slurm.records.append(replace(job(job_id, "PENDING", priority=priority), partition=partition))
        await asyncio.sleep(5)
        await monitor.look_jobs(0)
        assert [monitor.ahead(job_id) for job_id in ("13", "14", "15", "8")] == [4, 0, 3, 4]

    in_virtual_time(story)


async def test_the_first_look_on_a_real_clock_is_not_put_off() -> None:
    slurm = ScriptedSlurm()
    slurm.states = {"1": "RUNNING"}
    monitor = Monitor(client=slurm)
    assert set((await monitor.look_jobs(0)).jobs) == {"1"}
    monitor.watch("1")
    assert monitor.fate("1").phase is JobPhase.WAITING
    monitor.look_soon()
    assert await monitor.changed(3)
    assert monitor.fate("1").phase is JobPhase.RUNNING
    assert slurm.queries["squeue"] == 2
    await monitor.close()
