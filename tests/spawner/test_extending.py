"""More time for a server: what the policy allows, and that nobody's time is ever shortened."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from queues.policy import Queue
from slurm.errors import SlurmRefused, SlurmUnavailable
from slurm.monitor import Monitor
from slurm.records import Job, Partition
from spawner.extending import ExtendError, Room, extend, room
from spawner.settings import SpawnerSettings
from spawner.ticket import Ticket
from tests.spawner.scripted import ScriptedSlurm, job

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
NAME = "hpchub/u/default/1"


def queue(**more: Any) -> Queue:
    words = {"name": "jupyter", "kind": "shared", "slots_per_node": 10, "max_hours": 8, "extend_to_hours": 24}
    return Queue.model_validate({**words, **more})


def running(hours: float = 1, **more: Any) -> Job:
    limit = hours * HOUR
    return job(**{"time_limit": limit, "started": NOW, "ends": NOW + limit, **more})


class TestRoom:
    def test_up_to_what_the_policy_says(self) -> None:
        assert room(running(), queue(), Partition("jupyter"), allowed=True) == Room(23, NOW + 24 * HOUR)

    def test_up_to_slurm_s_own_limit_which_an_operator_would_pass_over(self) -> None:
        most = Partition("jupyter", max_time=timedelta(hours=4))
        assert room(running(), queue(), most, allowed=True).hours == 3

    def test_whole_hours_only(self) -> None:
        assert room(running(22.5), queue(), Partition("jupyter"), allowed=True).hours == 1
        assert room(running(23.5), queue(), Partition("jupyter"), allowed=True).hours == 0

    def test_a_limit_that_an_operator_raised_further_is_not_shortened(self) -> None:
        assert room(running(100), queue(), Partition("jupyter"), allowed=True).hours == 0

    @pytest.mark.parametrize(
        ("state", "more"),
        [("PENDING", {}), ("SUSPENDED", {}), ("COMPLETING", {}), ("RUNNING", {"time_limit": None})],
    )
    def test_only_what_runs_and_has_a_limit(self, state: str, more: dict[str, Any]) -> None:
        found = room(running(state=state, **more), queue(), None, allowed=True)
        assert (found.hours, found.until) == (0, None)
        assert found.why_not is not None

    def test_off_unless_both_the_site_and_the_queue_say_so(self) -> None:
        assert room(running(), queue(), None, allowed=False).hours == 0
        assert room(running(), queue(extend_to_hours=None), None, allowed=True).hours == 0
        assert SpawnerSettings.class_traits()["extend_time"].default_value is False


class Slurm(ScriptedSlurm):
    """Changes time limits, or answers with `error`; without `shown`, looks go on showing the old one."""

    def __init__(self, *jobs: Job) -> None:
        super().__init__(*jobs)
        self.error: Exception | None = None
        self.told: list[tuple[str, int]] = []
        self.shown = True

    async def partitions(self) -> dict[str, Partition]:
        return {"jupyter": Partition("jupyter", max_time=timedelta(days=1))}

    async def set_time_limit(self, job_id: str, minutes: int) -> None:
        if self.error is not None:
            raise self.error
        self.told.append((job_id, minutes))
        if self.shown:
            self.say(running(minutes / 60))


class Server:
    """The part of the spawner that an extension needs."""

    def __init__(self, slurm: Slurm) -> None:
        times = dict.fromkeys(("min_interval", "waiting_interval", "running_interval", "max_backoff"), 0.01)
        self.monitor = Monitor(client=slurm, **times)
        self.office = SimpleNamespace(monitor=self.monitor, client=slurm, queue_of=lambda _options: queue())
        self.job_id, self.ticket = "7", Ticket(name=NAME)
        self.user = SimpleNamespace(name="u")
        self.user_options: dict[str, Any] = {}
        self.extend_time = True
        self.log = logging.getLogger("test")

    def shared(self) -> Any:
        return self.office


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spawner.extending.PATIENCE", 0.5)
    monkeypatch.setattr("spawner.extending.PAUSE", 0.01)


async def refusal(server: Server, hours: int = 1) -> ExtendError:
    with pytest.raises(ExtendError) as caught:
        await extend(server, hours)  # type: ignore[arg-type]
    return caught.value


async def test_slurm_is_told_the_whole_new_limit() -> None:
    slurm = Slurm(running())
    done = await extend(Server(slurm), 2)  # type: ignore[arg-type]
    assert (done.before, done.after) == (60, 180)
    assert slurm.told == [("7", 180)]


async def test_two_presses_at_once_add_up() -> None:
    slurm = Slurm(running())
    server = Server(slurm)
    await asyncio.gather(extend(server, 2), extend(server, 1))  # type: ignore[arg-type]
    assert [minutes for _job, minutes in slurm.told] == [180, 240]


async def test_second_press_never_shortens_though_slurm_still_shows_the_old_limit() -> None:
    slurm = Slurm(running())
    slurm.shown = False
    server = Server(slurm)
    await extend(server, 5)  # type: ignore[arg-type]
    await extend(server, 1)  # type: ignore[arg-type]
    assert [minutes for _job, minutes in slurm.told] == [360, 420]


async def test_not_more_than_there_is_though_slurm_still_shows_the_old_limit() -> None:
    slurm = Slurm(running())
    slurm.shown = False
    server = Server(slurm)
    await extend(server, 20)  # type: ignore[arg-type]
    assert (await refusal(server, 4)).status == 409
    assert len(slurm.told) == 1


@pytest.mark.parametrize("hours", [0, -1, 24])
async def test_more_than_the_policy_or_less_than_something_is_refused(hours: int) -> None:
    slurm = Slurm(running())
    assert (await refusal(Server(slurm), hours)).status == 409
    assert slurm.told == []


@pytest.mark.parametrize("other", [{"name": "train.sh"}, {"user": "v"}, {"id": "8"}])
async def test_somebody_else_s_job_is_left_alone(other: dict[str, str]) -> None:
    slurm = Slurm(running(**other))
    assert (await refusal(Server(slurm))).why == "job-gone"
    assert slurm.told == []


async def test_while_slurm_is_silent_old_figures_extend_nothing() -> None:
    slurm = Slurm(running())
    server = Server(slurm)
    await server.monitor.look_jobs(0)
    slurm.down = True
    error = await refusal(server)
    assert (error.status, error.why) == (503, "outage")
    assert slurm.told == []


@pytest.mark.parametrize("words", ["Invalid user id for job 27", "Access/permission denied"])
async def test_hub_without_the_right_tells_the_administrator_what_to_do(
    caplog: pytest.LogCaptureFixture, words: str
) -> None:
    slurm = Slurm(running())
    slurm.error = SlurmRefused("scontrol", 1, words)
    error = await refusal(Server(slurm))
    assert (error.status, error.why) == (503, "no-right")
    assert "(sacctmgr add user HUB account=root adminlevel=operator)" in caplog.text


async def test_no_answer_to_the_change_is_told_as_a_doubt() -> None:
    slurm = Slurm(running())
    slurm.error = SlurmUnavailable("scontrol", 1, "Socket timed out")
    assert "if it has not changed, try again" in str((await refusal(Server(slurm))).sentence)


async def test_press_that_slurm_refused_does_not_count_for_the_next() -> None:
    slurm = Slurm(running())
    server = Server(slurm)
    slurm.error = SlurmRefused("scontrol", 1, "Requested time limit is invalid")
    await refusal(server, 20)
    slurm.error = None
    done = await extend(server, 5)  # type: ignore[arg-type]
    assert (done.before, done.after) == (60, 360)


async def test_refused_press_does_not_undo_the_one_before_it() -> None:
    slurm = Slurm(running())
    slurm.shown = False
    server = Server(slurm)
    await extend(server, 5)  # type: ignore[arg-type]
    slurm.error = SlurmRefused("scontrol", 1, "Requested time limit is invalid")
    await refusal(server, 2)
    slurm.error = None
    await extend(server, 1)  # type: ignore[arg-type]
    assert [minutes for _job, minutes in slurm.told] == [360, 420]


async def test_press_in_doubt_can_be_tried_again_when_nothing_has_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slurm = Slurm(running())
    server = Server(slurm)
    slurm.error = SlurmUnavailable("scontrol", 1, "Socket timed out")
    await refusal(server, 23)
    slurm.error = None
    assert "by 0 hours" in str((await refusal(server, 23)).sentence)
    monkeypatch.setattr("spawner.extending.SETTLES", 0.0)
    await extend(server, 23)  # type: ignore[arg-type]
    assert slurm.told == [("7", 24 * 60)]


async def test_operator_who_shortened_the_job_meanwhile_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    slurm = Slurm(running())
    server = Server(slurm)
    await extend(server, 10)  # type: ignore[arg-type]
    slurm.say(running(2))
    monkeypatch.setattr("spawner.extending.SETTLES", 0.0)
    await extend(server, 1)  # type: ignore[arg-type]
    assert slurm.told == [("7", 11 * 60), ("7", 3 * 60)]
