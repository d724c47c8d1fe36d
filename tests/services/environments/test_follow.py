"""Following an action: one poll for all who look, none for nobody, and nothing twice or never."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator

import pytest

from services.environments.desk import Desk
from services.environments.files import UnreachableError
from services.environments.follow import Follows, Glance, Unknown
from tests.services.environments.kit import ACTION, BEGIN, END, World, line, name

QUICK = 0.05


@pytest.fixture
async def follows(desk: Desk) -> AsyncIterator[Follows]:
    follows = Follows(desk, interval=QUICK)
    yield follows
    await follows.close()


@pytest.fixture(autouse=True)
def running(world: World) -> None:
    """Have Slurm show the job, whatever the journal says."""
    world.queue(("77", "RUNNING", "anna", "None", name()))


async def collect(glances: AsyncGenerator[Glance]) -> list[Glance]:
    return [glance async for glance in glances]


def said(glances: list[Glance]) -> list[str]:
    return [one for glance in glances for one in glance.lines if isinstance(one, str)]


async def test_a_listener_sees_it_wait_run_and_end(world: World, follows: Follows) -> None:
    world.queue(("77", "PENDING", "anna", "Resources", name()))
    glances = follows.follow("anna", ACTION)
    first = await anext(glances)
    assert (first.now.state, first.now.verb, first.now.job) == ("waiting", "install", "77")
    assert first.now.reason is not None
    # What Slurm showed last was before.
    world.journal("anna", {**BEGIN, "at": time.time()}, line("one"))
    second = await anext(glances)
    assert (second.now.state, said([second])) == ("running", ["one"])
    world.journal("anna", line("two"), END)
    rest = await collect(glances)
    assert (rest[-1].now.state, said(rest)) == ("done", ["two"])


async def test_ten_who_look_cost_one_poll_and_nobody_costs_none(world: World, follows: Follows) -> None:
    world.journal("anna", BEGIN, line("one"))
    listeners = [asyncio.create_task(collect(follows.follow("anna", ACTION))) for _ in range(10)]
    await asyncio.sleep(20 * QUICK)
    polls, asked = follows.polls, len(world.calls)
    # One poll reads to the end of the journal, which takes one question more than it has pages.
    assert asked <= 2 * polls + 2
    world.journal("anna", END)
    assert {tuple(said(glances)) for glances in await asyncio.gather(*listeners)} == {("one",)}
    before = len(world.calls)
    await asyncio.sleep(4 * QUICK)
    assert len(world.calls) == before


async def test_who_goes_away_ends_the_poll(world: World, follows: Follows) -> None:
    world.journal("anna", BEGIN)
    glances = follows.follow("anna", ACTION)
    await anext(glances)
    await glances.aclose()
    await asyncio.sleep(2 * QUICK)
    before = len(world.calls)
    await asyncio.sleep(4 * QUICK)
    assert len(world.calls) == before


async def test_who_comes_back_hears_what_he_missed_and_nothing_twice(world: World, follows: Follows) -> None:
    world.journal("anna", BEGIN, line("one"))
    stays = follows.follow("anna", ACTION)
    goes = follows.follow("anna", ACTION)
    await anext(stays)
    heard = await anext(goes)
    await goes.aclose()
    world.journal("anna", line("two"))
    await anext(stays)
    world.journal("anna", line("three"), END)
    assert said(await collect(stays)) == ["three"]
    again = follows.follow("anna", ACTION, heard.offset)
    back = await collect(again)
    # Nobody has looked meanwhile, so all of it comes, marked as a whole: the page then shows it anew.
    assert back[0].whole or said(back) == ["two", "three"]


async def test_who_lost_the_line_while_others_look_goes_on_where_he_was(
    world: World, follows: Follows
) -> None:
    world.journal("anna", BEGIN, line("one"))
    stays = follows.follow("anna", ACTION)
    heard = await anext(stays)
    world.journal("anna", line("two"))
    await anext(stays)
    again = follows.follow("anna", ACTION, heard.offset)
    missed = await anext(again)
    assert (missed.whole, said([missed])) == (False, ["two"])
    await again.aclose()
    await stays.aclose()


async def test_another_users_action_is_unknown(world: World, follows: Follows) -> None:
    world.journal("anna", BEGIN)
    with pytest.raises(Unknown):
        await collect(follows.follow("ben", ACTION))
    with pytest.raises(Unknown):
        await follows.glance("ben", ACTION)
    assert (await follows.glance("anna", ACTION)).now.state == "running"


async def test_a_job_that_is_gone_without_an_end_was_interrupted(world: World, follows: Follows) -> None:
    world.journal("anna", BEGIN)
    world.queue(("77", "NODE_FAIL", "anna", "None", name()))
    last = (await collect(follows.follow("anna", ACTION)))[-1]
    assert last.now.state == "interrupted"
    assert last.now.trouble is not None
    assert "not yours" in str(last.now.trouble.sentence)


async def test_files_that_cannot_be_read_are_an_outage_and_no_end(world: World, follows: Follows) -> None:
    world.journal("anna", BEGIN, line("one"))
    glances = follows.follow("anna", ACTION)
    await anext(glances)
    world.goes_down()
    blind = await anext(glances)
    assert (blind.now.state, blind.problem is not None) == ("running", True)
    world.goes_down(False)
    world.journal("anna", END)
    assert (await collect(glances))[-1].now.state == "done"


async def test_somebody_who_looks_first_while_files_are_away_is_told(world: World, follows: Follows) -> None:
    world.goes_down()
    with pytest.raises(UnreachableError):
        await follows.glance("anna", ACTION)
