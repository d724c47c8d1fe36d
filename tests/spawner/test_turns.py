"""Who is submitted when: never more than the limit at once, and nobody behind one user's ten servers."""

import asyncio
from contextlib import suppress

import pytest

from spawner.turns import Turn, Turns


class Counter:
    """Work that notes who did it, and how much of it ran at once."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.now = self.most = 0
        self.order: list[str] = []

    async def work(self, turn: Turn, seconds: float = 0.001) -> None:
        async with self.turns.held_by(turn):
            self.now += 1
            self.most = max(self.most, self.now)
            self.order.append(turn.user)
            await asyncio.sleep(seconds)
            self.now -= 1


@pytest.mark.parametrize("limit", [1, 3, 8])
async def test_class_of_a_hundred_never_runs_more_than_the_limit_at_once(limit: int) -> None:
    counter = Counter(Turns(limit))
    async with asyncio.TaskGroup() as group:
        for number in range(100):
            group.create_task(counter.work(counter.turns.ask(f"u{number}")))
    assert counter.most == limit
    assert counter.order == [f"u{number}" for number in range(100)]
    assert counter.turns.held == 0


async def test_ten_servers_of_one_user_do_not_stand_before_nine_others() -> None:
    counter = Counter(Turns(1))
    asked = [counter.turns.ask("greedy") for _ in range(10)] + [counter.turns.ask(f"u{n}") for n in range(9)]
    async with asyncio.TaskGroup() as group:
        for turn in asked:
            group.create_task(counter.work(turn))
    # The first was alone; of the others, one more came before the nine.
    assert counter.order == ["greedy", "greedy", *(f"u{n}" for n in range(9)), *["greedy"] * 8]


async def test_place_in_line_is_the_number_that_really_goes_before() -> None:
    turns = Turns(1)
    counter = Counter(turns)
    asked = [turns.ask(user) for user in "abacadbbace"]
    said = [turn.ahead for turn in asked]
    called: list[Turn] = []

    async def note(turn: Turn) -> None:
        async with turns.held_by(turn):
            called.append(turn)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for turn in asked:
            group.create_task(note(turn))
    # The first holds its turn and is before nobody any more.
    assert [called.index(turn) - 1 for turn in asked[1:]] == said[1:]
    assert counter.turns.held == 0


async def test_cancellation_goes_before_submissions() -> None:
    counter = Counter(Turns(1))
    asked = [counter.turns.ask(f"u{number}") for number in range(5)]
    asked.append(counter.turns.ask("leaver", urgent=True))
    async with asyncio.TaskGroup() as group:
        for turn in asked:
            group.create_task(counter.work(turn))
    assert counter.order[:2] == ["u0", "leaver"]


async def test_who_leaves_the_line_is_never_called_and_holds_up_nobody() -> None:
    counter = Counter(Turns(1))
    first, second, third = (counter.turns.ask(user) for user in "abc")
    tasks = [asyncio.ensure_future(counter.work(turn)) for turn in (first, second, third)]
    await asyncio.sleep(0)
    second.leave()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert counter.order == ["a", "c"]
    assert tasks[1].cancelled()
    assert counter.turns.held == 0


@pytest.mark.parametrize("seconds", [0, 0.005, 0.02])
async def test_cancelled_work_gives_its_turn_back_at_whatever_moment(seconds: float) -> None:
    counter = Counter(Turns(1))
    tasks = [asyncio.ensure_future(counter.work(counter.turns.ask(user), 0.01)) for user in "abc"]
    await asyncio.sleep(seconds)
    tasks[1].cancel()
    with suppress(asyncio.CancelledError):
        await tasks[1]
    await asyncio.gather(tasks[0], tasks[2])
    assert counter.order[-1] == "c"
    assert counter.turns.held == 0
