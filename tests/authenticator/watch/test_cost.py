"""What a look at the directory costs with 1,000 people; counts, for times differ from machine to machine."""

import asyncio
import contextlib
import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jupyterhub import orm
from sqlalchemy import event

from tests.authenticator.watch.smallhub import Paper, SmallHub, small_hub

PEOPLE = [f"user{number:04}" for number in range(1000)]


def fill(hub: SmallHub) -> None:
    """Put 1,000 people into the hub's database who were active a moment ago, each in one group."""
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    group = orm.Group(name="hub-users")
    hub.app.db.add(group)
    hub.app.db.add_all(orm.User(name=name, last_activity=now, groups=[group]) for name in PEOPLE)
    hub.app.db.commit()
    hub.app.db.expunge_all()


@contextlib.contextmanager
def statements(hub: SmallHub) -> Iterator[list[str]]:
    """Collect what the hub's database is asked."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if statement != "SELECT 1":  # whether the connection still works
            seen.append(statement)

    engine = hub.app.db.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


async def turns_of_others(work: Any) -> int:
    """Return how often somebody else had a turn while the work was done."""
    turns, task = 0, asyncio.create_task(work)
    while not task.done():
        turns += 1
        await asyncio.sleep(0)
    await task
    return turns


async def test_a_thousand_people_cost_two_questions_and_nobody_waits(tmp_path: Path) -> None:
    paper = Paper()
    paper.add(*PEOPLE, groups=["hub-users"])
    async with small_hub(tmp_path, paper) as hub:
        fill(hub)
        with statements(hub) as asked:
            turns = await turns_of_others(hub.watch.sweep())
        assert [len(names) for names in paper.questions] == [500, 500]
        assert sorted(name for names in paper.questions for name in names) == PEOPLE
        # One for the names, and two for each 25 people; none to load a user, none that writes.
        assert len(asked) == 81
        assert not [one for one in asked if not one.startswith("SELECT")]
        assert turns >= 40  # one after each 25 people


async def test_only_those_whom_it_is_about_are_loaded(tmp_path: Path) -> None:
    paper = Paper()
    paper.add(*PEOPLE, groups=["hub-users"])
    async with small_hub(tmp_path, paper) as hub:
        fill(hub)
        await hub.watch.sweep()
        paper.disable("user0001")
        paper.add("user0002", groups=["hub-users", "bio"])
        await hub.watch.sweep()
        loaded = {one.name for one in hub.app.db.identity_map.values() if isinstance(one, orm.User)}
        assert loaded <= {"user0001", "user0002"}
        assert {group.name for group in hub.user("user0002").groups} == {"hub-users", "bio"}
        assert hub.audit.said("gone") == [("user0001", "disabled")]


async def test_whoever_has_nothing_to_lose_is_not_asked_about(tmp_path: Path, paper: Paper) -> None:
    long_ago = datetime.datetime(2020, 1, 1)
    async with small_hub(tmp_path, paper) as hub:
        for name in ("anna", "bert", "carl", "dora"):
            hub.user(name).last_activity = long_ago
        hub.app.db.commit()
        expired = hub.token("bert", expires_in=1)
        hub.app.db.query(orm.APIToken).one().expires_at = long_ago
        hub.app.db.commit()
        token = hub.token("carl")
        await hub.watch.sweep()
        assert paper.questions == [["carl"]]
        assert not await hub.may(expired)
        assert await hub.may(token)
