"""An administrator resets somebody: on the admin page, or by the command, which is another process."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from authenticator.keys import load_keys, make_key_file
from authenticator.store import Store
from authenticator.store.revocations import Revocations
from tests.authenticator.watch.smallhub import Paper, small_hub

DAY = 86400
OpenStore = Callable[[], Store]


@pytest.fixture
def open_store(tmp_path: Path) -> OpenStore:
    """Open the store once more, as another process would."""
    make_key_file(tmp_path / "key")
    return lambda: Store(f"sqlite:///{tmp_path / 'store.sqlite'}", load_keys(tmp_path / "key"))


@pytest.fixture
def revocations(open_store: OpenStore) -> Iterator[Revocations]:
    with closing(open_store()) as store:
        yield store.revocations


async def test_a_reset_from_another_process_ends_sessions_within_seconds(
    tmp_path: Path, paper: Paper, revocations: Revocations, open_store: OpenStore
) -> None:
    async with small_hub(tmp_path, paper, revocations=revocations) as hub:
        anna, bert = await hub.logged_in("anna"), await hub.logged_in("bert")
        token = hub.token("anna")
        server = await hub.start_server(anna, "anna")
        with closing(open_store()) as command:
            command.revocations.request("anna", reason="reset", by="root", now=time.time())
        async with asyncio.timeout(60):
            while await anna.sees():  # noqa: ASYNC110 - the command does not wait either
                await asyncio.sleep(0.1)
        assert not await hub.may(token)
        assert await bert.sees() == "bert"
        assert server.ready
        assert hub.audit.said("revoked") == [("anna", "reset")]


async def test_the_admin_page_ends_sessions_at_once(
    tmp_path: Path, paper: Paper, revocations: Revocations
) -> None:
    async with small_hub(tmp_path, paper, revocations=revocations) as hub:
        anna = await hub.logged_in("anna")
        await hub.watch.revoke("anna", reason="reset", by="dora")
        assert await anna.sees() == ""
        assert [one.by for one in hub.audit.events] == ["dora"]


async def test_a_reset_while_the_hub_is_down_counts_from_its_first_answer_on(
    tmp_path: Path, paper: Paper, revocations: Revocations
) -> None:
    async with small_hub(tmp_path, paper, revocations=revocations) as hub:
        anna = await hub.logged_in("anna")
        cookies, token = httpx.Cookies(anna.cookies), hub.token("anna")
    revocations.request("anna", reason="reset", by="root", now=time.time())
    async with small_hub(tmp_path, paper, revocations=revocations) as hub:
        browser = hub.browser()
        browser.cookies = cookies
        assert await browser.sees() == ""
        assert not await hub.may(token)


async def test_whoever_logged_in_after_the_reset_stays_in_when_the_hub_restarts(
    tmp_path: Path, paper: Paper, revocations: Revocations
) -> None:
    async with small_hub(tmp_path, paper, revocations=revocations) as hub:
        await hub.logged_in("anna")
        await hub.watch.revoke("anna", reason="reset", by="dora")
        anna = await hub.logged_in("anna")
        cookies, token = httpx.Cookies(anna.cookies), hub.token("anna")
    async with small_hub(tmp_path, paper, revocations=revocations) as hub:
        browser = hub.browser()
        browser.cookies = cookies
        assert await browser.sees() == "anna"
        assert await hub.may(token)
        assert not hub.audit.events


async def test_whoever_was_reset_before_the_first_login_of_all_stays_in_when_the_hub_restarts(
    tmp_path: Path, paper: Paper, revocations: Revocations
) -> None:
    revocations.request("anna", reason="reset", by="root", now=time.time())
    async with small_hub(tmp_path, paper, revocations=revocations) as hub:
        cookies = httpx.Cookies((await hub.logged_in("anna")).cookies)
    async with small_hub(tmp_path, paper, revocations=revocations) as hub:
        browser = hub.browser()
        browser.cookies = cookies
        assert await browser.sees() == "anna"
        assert not hub.audit.events


async def test_a_store_that_fails_for_a_while_loses_no_reset(
    tmp_path: Path, paper: Paper, revocations: Revocations
) -> None:
    class Failing:
        works = True

        def newer_than(self, number: int, *, now: float) -> object:
            if not self.works:
                raise RuntimeError("the store is away")
            return revocations.newer_than(number, now=now)

    failing = Failing()
    async with small_hub(tmp_path, paper, revocations=failing) as hub:
        anna = await hub.logged_in("anna")
        failing.works = False
        revocations.request("anna", reason="reset", by="root", now=time.time())
        await hub.watch._safely(hub.watch._resets.catch_up())
        assert await anna.sees() == "anna"
        failing.works = True
        await hub.watch._safely(hub.watch._resets.catch_up())
        assert await anna.sees() == ""


async def test_two_resets_that_became_visible_in_the_wrong_order_are_both_carried_out(
    tmp_path: Path, paper: Paper
) -> None:
    async with small_hub(tmp_path, paper) as hub:
        anna, bert = await hub.logged_in("anna"), await hub.logged_in("bert")
        first, second = (
            hub.revocations.request(name, reason="reset", by="root", now=time.time())
            for name in ("anna", "bert")
        )
        late = hub.revocations.rows.pop(first - 1)
        await hub.watch._resets.catch_up()
        assert [await anna.sees(), await bert.sees()] == ["anna", ""]
        hub.revocations.rows.append(late)
        await hub.watch._resets.catch_up()
        assert await anna.sees() == ""
        assert second > first


@pytest.fixture(params=["sqlite", "postgresql"])
def any_revocations(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Revocations]:
    url = f"sqlite:///{tmp_path / 'any.sqlite'}"
    if request.param == "postgresql":
        url = str(request.getfixturevalue("postgres_url"))
    make_key_file(tmp_path / "any.key")
    with closing(Store(url, load_keys(tmp_path / "any.key"))) as store:
        yield store.revocations


def test_the_newest_request_of_each_user_is_kept(any_revocations: Revocations) -> None:
    first = any_revocations.request("anna", reason="reset", by="root", now=1000.0)
    any_revocations.request("bert", reason="reset", by="root", now=1001.0)
    third = any_revocations.request("anna", reason="disabled", by="dora", now=1002.5)
    assert third > first
    found = any_revocations.newer_than(0, now=1003.0)
    assert [(one.user, one.reason, one.by, one.requested) for one in found] == [
        ("bert", "reset", "root", 1001.0),
        ("anna", "disabled", "dora", 1002.5),
    ]
    assert any_revocations.newer_than(third, now=1003.0) == []


def test_no_number_is_given_twice_even_to_the_same_user(any_revocations: Revocations) -> None:
    numbers = [any_revocations.request("anna", reason="reset", by="root", now=1000.0 + n) for n in range(5)]
    assert numbers == sorted(set(numbers))


def test_requests_of_long_ago_are_forgotten(any_revocations: Revocations) -> None:
    any_revocations.request("anna", reason="reset", by="root", now=0.0)
    newest = any_revocations.request("bert", reason="reset", by="root", now=400.0 * DAY)
    assert [one.user for one in any_revocations.newer_than(0, now=400.0 * DAY)] == ["bert"]
    # Read as of long ago, the row is gone for good; and the numbers go on where they were.
    assert [one.user for one in any_revocations.newer_than(0, now=1.0)] == ["bert"]
    assert any_revocations.request("carl", reason="reset", by="root", now=401.0 * DAY) > newest
