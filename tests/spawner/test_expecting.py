"""When a request would start: how often Slurm is asked, and what becomes of its refusals and silence."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from slurm.acting import FolderError, HelperRefusedError
from slurm.errors import SlurmUnavailable
from slurm.expected import Expected
from slurm.refusals import explain_refusal
from spawner import expecting
from spawner.expecting import Answer, Expectations, shape_of

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
SOON = Expected(start=NOW)
LIMIT = "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)"
NO_NODE = "Requested node configuration is not available"


class Clock:
    """Monotonic seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Slurm:
    """Answers each shape with what the test says; counts the questions, and how many it has at once."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.says: dict[str, Expected | Exception] = {}
        self.at_once = self.most_at_once = 0
        self.seconds = 0.0

    async def answer(self, shape: str) -> Expected:
        self.asked[shape] += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(self.seconds)
        self.at_once -= 1
        said = self.says.get(shape, SOON)
        if isinstance(said, Exception):
            raise said
        return said


class Desk:
    """People who ask."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.slurm = Slurm()
        self.expectations = Expectations(logging.getLogger("test"), clock=self.clock, wall=lambda: NOW)

    async def ask(self, shape: str, user: str = "anna", patience: float = 5.0) -> Answer | None:
        return await self.expectations.ask(
            shape, user, lambda: self.slurm.answer(shape), max_age=60, patience=patience
        )

    async def hears(self, shape: str, user: str = "anna") -> Expected | None:
        answer = await self.ask(shape, user)
        assert answer is not None
        return answer.expected


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    yield desk
    await desk.expectations.close()


async def test_fifty_people_who_open_the_form_at_once_cost_one_question_a_queue(desk: Desk) -> None:
    desk.slurm.seconds = 0.02
    queues = ("jupyter", "cas_v100_2", "amd_a100_4", "bigmem")
    answers = await asyncio.gather(*(desk.hears(queue, f"user{n}") for n in range(50) for queue in queues))
    assert answers == [SOON] * 200
    assert desk.slurm.asked == dict.fromkeys(queues, 1)
    assert desk.slurm.most_at_once == 2


async def test_answer_is_remembered_for_a_minute_and_asked_for_again_after_it(desk: Desk) -> None:
    await desk.hears("a")
    desk.clock.now += 59
    await desk.hears("a", "ben")
    assert desk.slurm.asked["a"] == 1
    desk.clock.now += 2
    await desk.hears("a")
    assert desk.slurm.asked["a"] == 2


async def test_refusal_for_a_users_own_limits_is_not_told_to_others(desk: Desk) -> None:
    desk.slurm.says["a"] = Expected(refusal=LIMIT)
    assert await desk.hears("a", "anna") == Expected(refusal=LIMIT)
    desk.slurm.says["a"] = SOON
    assert await desk.hears("a", "ben") == SOON
    assert await desk.hears("a", "anna") == Expected(refusal=LIMIT)
    assert desk.slurm.asked["a"] == 2


async def test_who_waited_for_anothers_answer_asks_for_himself_when_it_was_personal(desk: Desk) -> None:
    desk.slurm.seconds = 0.02
    desk.slurm.says["a"] = Expected(refusal=LIMIT)
    heard = await asyncio.gather(*(desk.hears("a", name) for name in ("anna", "ben", "cho")))
    assert heard == [Expected(refusal=LIMIT)] * 3
    assert desk.slurm.asked["a"] == 3


async def test_refusal_of_what_no_node_has_is_the_same_for_all(desk: Desk) -> None:
    desk.slurm.says["a"] = Expected(refusal=NO_NODE)
    for user in ("anna", "ben", "cho"):
        assert await desk.hears("a", user) == Expected(refusal=NO_NODE)
    assert desk.slurm.asked["a"] == 1


async def test_refusal_is_asked_about_again_sooner_than_a_start(desk: Desk) -> None:
    desk.slurm.says["a"] = Expected(refusal=LIMIT)
    await desk.hears("a")
    desk.slurm.says["a"] = SOON
    desk.clock.now += 16
    assert await desk.hears("a") == SOON


async def test_outage_is_no_refusal_and_is_not_asked_through(desk: Desk) -> None:
    desk.slurm.says = {
        name: SlurmUnavailable("sbatch", 1, "Unable to contact slurm controller") for name in "abcdef"
    }
    assert [await desk.hears(name) for name in "abcdef"] == [None] * 6
    assert desk.slurm.asked.total() == 1
    desk.slurm.says = {}
    desk.clock.now += 16
    assert await desk.hears("a") == SOON


@pytest.mark.parametrize(
    "error", [FolderError("/home/ben", "missing"), HelperRefusedError("hpchub-as-user", None, "no")], ids=str
)
async def test_user_whose_home_is_missing_takes_nobody_elses_forecast(desk: Desk, error: Exception) -> None:
    desk.slurm.says["ben's"] = error
    asks = desk.expectations.ask
    ben = asks("gpu", "ben", lambda: desk.slurm.answer("ben's"), max_age=60, patience=5)
    told = [*await asyncio.gather(ben, desk.ask("gpu", "anna"))]
    assert told == [Answer(None, NOW), Answer(SOON, NOW)]
    assert desk.slurm.asked == {"ben's": 1, "gpu": 1}, "who shared his question asks for herself"


async def test_known_start_stays_while_slurm_is_out(desk: Desk) -> None:
    await desk.hears("a")
    desk.slurm.says["b"] = SlurmUnavailable("sbatch", 1, "Socket timed out")
    assert await desk.hears("b") is None
    assert await desk.hears("a") == SOON


async def test_error_of_ours_leaves_the_page_without_a_forecast(desk: Desk) -> None:
    desk.slurm.says["a"] = ZeroDivisionError()
    assert await desk.hears("a") is None


async def test_page_does_not_wait_for_a_slow_slurm_but_the_next_one_has_the_answer(desk: Desk) -> None:
    desk.slurm.seconds = 0.1
    assert await desk.ask("a", patience=0.01) is None
    assert await desk.hears("a") == SOON
    assert desk.slurm.asked["a"] == 1


async def test_slurm_that_took_long_is_left_alone_for_as_long(desk: Desk) -> None:
    async def slow(shape: str) -> Expected:
        desk.clock.now += 2
        return await desk.slurm.answer(shape)

    def ask(shape: str) -> asyncio.Task[Answer | None]:
        asked = desk.expectations.ask(shape, "anna", lambda: slow(shape), max_age=60, patience=5)
        return asyncio.ensure_future(asked)

    await asyncio.gather(ask("a"), ask("b"))
    third = ask("c")
    await asyncio.sleep(0.1)
    assert desk.slurm.asked.total() == 2
    await third
    assert desk.slurm.asked.total() == 3


async def test_who_leaves_the_page_does_not_take_the_answer_from_others(desk: Desk) -> None:
    desk.slurm.seconds = 0.1
    first = asyncio.create_task(desk.hears("a", "anna"))
    second = asyncio.create_task(desk.hears("a", "ben"))
    await asyncio.sleep(0.02)
    first.cancel()
    assert await second == SOON
    assert desk.slurm.asked["a"] == 1


async def test_one_user_cannot_fill_the_line(desk: Desk) -> None:
    desk.slurm.seconds = 0.05
    greedy = [asyncio.create_task(desk.ask(f"g{n}", "greedy", 0.01)) for n in range(200)]
    await asyncio.gather(*greedy)
    assert len(desk.expectations._flights) <= expecting.MOST_OF_ONE
    assert await desk.hears("a", "anna") == SOON


async def test_what_is_kept_is_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expecting, "MOST_KEPT", 3)
    for name in "abcde":
        await desk.hears(name)
    assert len(desk.expectations._kept) == 3
    await desk.hears("a")
    assert desk.slurm.asked["a"] == 2


def test_comment_and_what_is_not_asked_for_make_no_other_shape() -> None:
    asked = {"partition": "jupyter", "minutes": 60, "gres": "shard:1", "qos": None}
    assert shape_of({**asked, "comment": "for anna"}) == shape_of(asked)
    assert shape_of({**asked, "minutes": 120}) != shape_of(asked)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (NO_NODE, "No node of this queue has what you ask for."),
        (LIMIT, "This is more than Slurm's limits allow you or your project at the moment."),
        (
            "Requested time limit is invalid (missing or exceeds some limit)",
            "Slurm does not allow so many hours here.",
        ),
        ("Access denied to requested reservation", "This reservation has ended, or is not for you."),
        ("The moon is in the wrong phase", "Slurm says: The moon is in the wrong phase"),
    ],
)
def test_usual_refusals_are_told_in_words_and_any_other_as_it_is(words: str, says: str) -> None:
    assert str(explain_refusal(words)) == says
