"""What the monitor costs Slurm, counted over minutes of virtual time."""

import asyncio

from slurm.monitor import Monitor
from slurm.states import JobPhase
from tests.slurm.virtual import ScriptedSlurm, gaps, in_virtual_time, job


def test_fifty_people_press_refresh_at_once_and_slurm_hears_one() -> None:
    async def story(monitor: Monitor, slurm: ScriptedSlurm) -> None:
        slurm.states = {"1": "RUNNING"}
        shots = await asyncio.gather(*(monitor.look_jobs(0) for _ in range(50)))
        assert all(set(shot.jobs) == {"1"} for shot in shots)
        assert slurm.queries["squeue"] == 1
        # And whoever presses on and on hears the last answer.
        for _ in range(20):
            await monitor.look_jobs(0)
            await asyncio.sleep(0.09)
        assert slurm.queries["squeue"] == 1

    in_virtual_time(story)


def test_a_table_costs_one_question_for_nodes_and_the_rest_is_asked_once_a_minute() -> None:
    async def story(monitor: Monitor, slurm: ScriptedSlurm) -> None:
        shots = await asyncio.gather(*(monitor.look_nodes(0) for _ in range(50)))
        assert (set(shots[7].nodes), set(shots[7].partitions)) == ({"n1"}, {"p"})
        assert set(shots[7].reservations) == {"course"}
        assert slurm.queries["scontrol"] == 3
        for _ in range(10):
            await asyncio.sleep(5)
            await monitor.look_nodes(0)
        assert slurm.queries["scontrol"] == 13
        await asyncio.sleep(10)
        await monitor.look_nodes(0)
        assert slurm.queries["scontrol"] == 16

    in_virtual_time(story)


def test_a_figure_that_is_young_enough_is_not_asked_for_again() -> None:
    async def story(monitor: Monitor, slurm: ScriptedSlurm) -> None:
        await monitor.look_jobs(10)
        await asyncio.sleep(9)
        await monitor.look_jobs(10)
        assert slurm.queries["squeue"] == 1
        await asyncio.sleep(2)
        await monitor.look_jobs(10)
        assert slurm.queries["squeue"] == 2

    in_virtual_time(story)


def test_a_thousand_running_servers_cost_two_questions_a_minute() -> None:
    async def story(monitor: Monitor, slurm: ScriptedSlurm) -> None:
        slurm.states = {str(number): "RUNNING" for number in range(1000)}
        for number in range(1000):
            monitor.watch(str(number), just_submitted=False)
        await asyncio.sleep(600)
        assert 18 <= slurm.queries["squeue"] <= 20
        assert monitor.fate("999").phase is JobPhase.RUNNING

    assert set(in_virtual_time(story)) == {"squeue"}


def test_a_hundred_waiting_ones_more_stay_under_thirty_a_minute_whatever_happens() -> None:
    async def story(monitor: Monitor, slurm: ScriptedSlurm) -> None:
        for number in range(1100):
            slurm.states[str(number)] = "RUNNING" if number < 1000 else "PENDING"
            monitor.watch(str(number))
        await asyncio.sleep(60)
        assert slurm.queries["squeue"] <= 13
        before = slurm.queries["squeue"]
        for number in range(600):  # ten submissions and ten page views a second
            monitor.watch(str(2000 + number))
            slurm.states[str(2000 + number)] = "PENDING"
            monitor.look_soon()
            await monitor.look_jobs(0)
            await asyncio.sleep(0.1)
        assert slurm.queries["squeue"] - before <= 31

    in_virtual_time(story)


def test_ten_thousand_jobs_of_others_change_no_count() -> None:
    async def story(monitor: Monitor, slurm: ScriptedSlurm) -> None:
        slurm.records = [job(str(number), "PENDING") for number in range(100_000, 110_000)]
        for number in range(1100):
            slurm.states[str(number)] = "RUNNING" if number < 1000 else "PENDING"
            monitor.watch(str(number), just_submitted=False)
        await asyncio.sleep(300)
        assert len(monitor.snapshot.jobs) == 11_100
        assert slurm.queries["squeue"] <= 61  # one in five seconds: a hundred wait
        for number in range(1000, 1100):
            slurm.states[str(number)] = "RUNNING"
        await asyncio.sleep(10)
        before = slurm.queries["squeue"]
        await asyncio.sleep(600)
        assert slurm.queries["squeue"] - before <= 20  # two a minute: all run

    assert set(in_virtual_time(story)) == {"squeue"}


def test_five_hundred_pages_at_once_cost_one_question_of_each_kind() -> None:
    async def story(monitor: Monitor, slurm: ScriptedSlurm) -> None:
        slurm.states = {"1": "RUNNING"}
        monitor.watch("1")
        await monitor.look_nodes(0)
        await asyncio.sleep(100)
        before = slurm.queries.copy()

        async def page() -> None:
            await asyncio.gather(monitor.look_jobs(0), monitor.look_nodes(0))

        await asyncio.gather(*(page() for _ in range(500)))
        # One for the nodes, one each for partitions and reservations, which are a minute old.
        assert slurm.queries - before == {"squeue": 1, "scontrol": 3}
        await asyncio.sleep(2)
        await asyncio.gather(*(page() for _ in range(500)))
        assert slurm.queries - before == {"squeue": 2, "scontrol": 4}

    in_virtual_time(story)


def test_pages_that_refresh_all_day_cost_thirty_questions_a_minute() -> None:
    async def story(monitor: Monitor, slurm: ScriptedSlurm) -> None:
        slurm.states = {str(number): "RUNNING" for number in range(1000)}
        for number in range(1000):
            monitor.watch(str(number), just_submitted=False)
        await asyncio.sleep(60)
        before = slurm.queries["squeue"]
        for _ in range(1200):  # three pages every tenth of a second
            await asyncio.gather(*(monitor.look_jobs(0) for _ in range(3)))
            await asyncio.sleep(0.1)
        assert slurm.queries["squeue"] - before <= 61

    in_virtual_time(story)


def test_nobody_is_asked_while_no_job_is_watched() -> None:
    async def story(monitor: Monitor, slurm: ScriptedSlurm) -> None:
        await asyncio.sleep(600)
        monitor.look_soon()
        await asyncio.sleep(600)

    assert in_virtual_time(story) == {}


def test_the_last_server_that_ends_ends_the_questions() -> None:
    async def story(monitor: Monitor, slurm: ScriptedSlurm) -> None:
        slurm.states = {"1": "RUNNING"}
        monitor.watch("1")
        await asyncio.sleep(100)
        slurm.states = {"1": "COMPLETED"}
        await asyncio.sleep(100)
        asked = slurm.queries["squeue"]
        assert monitor.fate("1").phase is JobPhase.ENDED
        await asyncio.sleep(1000)
        assert slurm.queries["squeue"] == asked
        slurm.states["2"] = "PENDING"
        monitor.watch("2")
        await asyncio.sleep(6)
        assert monitor.fate("2").phase is JobPhase.WAITING
        assert slurm.queries["squeue"] > asked

    in_virtual_time(story)


def test_a_slow_slurm_is_left_alone_for_five_times_as_long() -> None:
    async def story(monitor: Monitor, slurm: ScriptedSlurm) -> None:
        slurm.takes = 3.0
        slurm.states = {"1": "PENDING"}
        monitor.watch("1")
        await asyncio.sleep(100)
        assert set(gaps(slurm.asked_at)) == {18.0}

    in_virtual_time(story)


def test_a_hub_that_was_busy_when_slurm_answered_asks_again_within_a_minute() -> None:
    """An answer that the loop took up after half a minute must not count as a Slurm that is slow."""

    async def story(monitor: Monitor, slurm: ScriptedSlurm) -> None:
        slurm.states = {"1": "PENDING"}
        slurm.takes = 40.0
        monitor.watch("1")
        await asyncio.sleep(45)
        slurm.takes = 0.01
        await asyncio.sleep(60)
        assert slurm.queries["squeue"] >= 2

    in_virtual_time(story)
