"""Jobs of this hub that no server owns: found without false alarms, told once, cancelled after a while."""

import logging
from collections.abc import Callable

import pytest

from slurm.errors import SlurmUnavailable
from slurm.records import Job
from spawner.orphans import MOST_OF_ONE, ORPHANS, Orphans, is_of_hub
from spawner.ticket import job_name
from tests.spawner.scripted import ScriptedSlurm, job, monitor_of

LOG = logging.getLogger("test")
NAME = job_name("hpchub", "u", "")


class Scene:
    """A Slurm, a watch over it, and a clock that stands still until it is told."""

    def __init__(self, grace: float = 100) -> None:
        self.slurm = ScriptedSlurm()
        self.monitor = monitor_of(self.slurm)
        self.owned: set[str] = set()
        self.cancelled: list[str] = []
        self.deaf = False
        self.now = 0.0
        self.orphans = Orphans(
            self.monitor,
            LOG,
            "hpchub",
            owned=lambda: self.owned,
            cancel=self.cancel,
            grace=grace,
            clock=lambda: self.now,
        )

    async def cancel(self, job: Job) -> None:
        if self.deaf:
            raise SlurmUnavailable("scancel", 1, "no answer")
        self.cancelled.append(job.id)

    async def look(self, *jobs: Job, later: float = 0) -> list[str]:
        self.now += later
        self.slurm.say(*jobs)
        while not await self._fresh():
            pass
        await self.orphans.look()
        return [one.job.id for one in self.orphans.known()]

    async def _fresh(self) -> bool:
        before = self.monitor.snapshot.jobs_at
        await self.monitor.look_jobs(0)
        return self.slurm.down or self.monitor.snapshot.jobs_at != before


def ours(**more: object) -> Job:
    return job(**{"name": NAME, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize("state", ["RUNNING", "PENDING", "SUSPENDED", "REQUEUE_HOLD", "WHATEVER"])
async def test_job_without_a_server_is_known_after_two_looks(state: str) -> None:
    scene = Scene()
    assert await scene.look(ours(state=state)) == []
    assert await scene.look(ours(state=state)) == ["7"]
    assert ORPHANS._value.get() == 1
    assert await scene.look() == []
    assert ORPHANS._value.get() == 0


async def test_job_without_a_server_is_told_once_and_cancelled_after_the_grace_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scene = Scene(grace=100)
    for later in (0, 50, 49, 0.5):
        await scene.look(ours(), later=later)
    assert scene.cancelled == []
    told = [record for record in caplog.records if "belongs to no server" in record.getMessage()]
    assert len(told) == 1
    assert ("Job 7" in told[0].getMessage(), "of u" in told[0].getMessage()) == (True, True)
    await scene.look(ours(), later=1)
    assert scene.cancelled == ["7"]
    await scene.look(ours(), later=1)
    assert scene.cancelled == ["7"], "it is not told again at each look"


async def test_grace_of_zero_only_reports() -> None:
    scene = Scene(grace=0)
    for _look in range(3):
        await scene.look(ours(), later=10_000)
    assert [one.job.id for one in scene.orphans.known()] == ["7"]
    assert scene.cancelled == []


async def test_cancellation_that_slurm_does_not_hear_is_tried_again() -> None:
    scene = Scene(grace=1)
    scene.deaf = True
    for _look in range(3):
        await scene.look(ours(), later=100)
    assert scene.cancelled == []
    scene.deaf = False
    await scene.look(ours(), later=100)
    assert scene.cancelled == ["7"]


async def test_mistake_of_ours_keeps_no_other_job_from_being_cancelled() -> None:
    class Odd(Scene):
        async def cancel(self, job: Job) -> None:
            if job.id == "7":
                raise KeyError("ok")
            await super().cancel(job)

    scene = Odd(grace=1)
    two = (ours(), ours(id="8", name=job_name("hpchub", "u", "second")))
    for _look in range(3):
        await scene.look(*two, later=10)
    assert scene.cancelled == ["8"]


async def test_user_with_thousands_of_such_jobs_holds_nobody_up() -> None:
    """Cancellations go before starts, so that many of one user would keep everybody from starting."""
    scene = Scene(grace=1)
    many = [ours(id=str(number)) for number in range(100, 300)]
    other = ours(id="7", name=job_name("hpchub", "v", ""), user="v")
    for _look in range(3):
        await scene.look(*many, other, later=10)
    assert len(scene.cancelled) - scene.cancelled.count("7") == 2 * MOST_OF_ONE
    assert "7" in scene.cancelled


async def test_job_that_gets_its_server_in_the_end_is_left_alone() -> None:
    scene = Scene(grace=100)
    await scene.look(ours())
    await scene.look(ours(), later=60)
    scene.owned.add(NAME)
    assert await scene.look(ours(), later=60) == []
    scene.owned.clear()
    assert await scene.look(ours(), later=60) == [], "and its time begins anew"
    assert scene.cancelled == []


async def test_old_answer_is_not_a_second_look() -> None:
    scene = Scene()
    await scene.look(ours())
    scene.slurm.down = True
    for _look in range(5):
        await scene.look(ours(), later=1000)
    assert scene.orphans.known() == []


@pytest.mark.parametrize(
    "change",
    [
        {"name": "otherhub/u/default/1234abcd"},
        {"name": "hpchub2/u/default/1234abcd"},
        {"name": "hpchub"},
        {"name": "hpchub/u/default"},
        {"name": "hpchub/u/default/1/2"},
        {"user": "somebody"},
        {"state": "COMPLETED"},
        {"state": "COMPLETING"},
        {"state": "CANCELLED"},
    ],
    ids=str,
)
async def test_other_jobs_are_none_of_ours(change: dict[str, str]) -> None:
    scene = Scene(grace=1)
    for _look in range(4):
        assert await scene.look(ours(**change), later=10) == []
    assert scene.cancelled == []


@pytest.mark.parametrize("user", ["a1113a01", "max.muster@example.org", "x y", "ü" * 60])
@pytest.mark.parametrize("server", ["", "a/b", "second"])
def test_hub_knows_the_names_that_it_gives(user: str, server: str) -> None:
    named: Callable[[str], Job] = lambda hub: job(name=job_name(hub, user, server), user=user)  # noqa: E731
    assert is_of_hub(named("my hub"), "my hub")
    assert not is_of_hub(named("other"), "my hub")
    assert not is_of_hub(named("my hub/a"), "my hub")
    assert not is_of_hub(named("my hub"), "my hub/a")
