"""Somebody is disabled in the directory, or the directory does not answer."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from traitlets import TraitError

from authenticator.settings_watch import WatchSettings
from tests.authenticator.watch.smallhub import Paper, SmallHub, small_hub

LONG = 3601


async def test_whoever_is_disabled_is_out_with_the_next_look(hub: SmallHub, paper: Paper) -> None:
    anna, bert = await hub.logged_in("anna"), await hub.logged_in("bert")
    tokens = [hub.token("anna"), hub.token("bert")]
    paper.disable("anna")
    await hub.watch.sweep()
    assert [await anna.sees(), await bert.sees()] == ["", "bert"]
    assert [await hub.may(token) for token in tokens] == [False, True]
    assert hub.audit.said("gone") == [("anna", "disabled")]


async def test_whoever_is_deleted_is_out_and_the_audit_says_it_once(hub: SmallHub, paper: Paper) -> None:
    anna = await hub.logged_in("anna")
    del paper.accounts["anna"]
    await hub.watch.sweep()
    await hub.watch.sweep()
    assert await anna.sees() == ""
    assert hub.audit.said("gone") == [("anna", "gone")]


async def test_whoever_leaves_the_allowed_groups_is_out(tmp_path: Path) -> None:
    paper = Paper()
    paper.add("anna", "bert", groups=["hub-users"])
    async with small_hub(tmp_path, paper, allowed_groups={"hub-users"}) as hub:
        anna, bert = await hub.logged_in("anna"), await hub.logged_in("bert")
        paper.add("anna", groups=["others"])
        await hub.watch.sweep()
        assert [await anna.sees(), await bert.sees()] == ["", "bert"]
        assert hub.audit.said("gone") == [("anna", "not_allowed")]


async def test_servers_of_the_disabled_run_on_and_nobody_gets_in(hub: SmallHub, paper: Paper) -> None:
    anna = await hub.logged_in("anna")
    server = await hub.start_server(anna, "anna")
    browsers_token = await hub.open_server(anna, "anna")
    paper.disable("anna")
    await hub.watch.sweep()
    assert server.ready
    assert not await hub.may(browsers_token)
    assert not await hub.may(server.api_token)
    assert await hub.report("anna", server.api_token) == 200
    assert not await hub.may(server.api_token)


async def test_servers_of_the_disabled_stop_where_the_site_wants_it(tmp_path: Path, paper: Paper) -> None:
    async with small_hub(tmp_path, paper, servers_of_removed="stop") as hub:
        anna, bert = await hub.logged_in("anna"), await hub.logged_in("bert")
        running = await hub.start_server(anna, "anna")
        waiting = await hub.start_server(anna, "anna", "waits")
        others = await hub.start_server(bert, "bert")
        paper.disable("anna")
        await hub.watch.sweep()
        await _until(lambda: not (running.active or waiting.active or waiting.pending))
        assert others.ready


async def test_an_administrator_cannot_start_a_server_for_somebody_disabled(
    tmp_path: Path, paper: Paper
) -> None:
    roles = [{"name": "helpers", "scopes": ["servers", "list:users"], "users": ["dora"]}]
    async with small_hub(tmp_path, paper, load_roles=roles) as hub:
        await hub.logged_in("anna")
        token = hub.token("dora", scopes=["servers", "list:users"])
        assert (await hub.ask("users/anna/servers/one", token, "POST")).status_code in (201, 202)
        paper.disable("anna")
        await hub.watch.sweep()
        assert (await hub.ask("users/anna/servers/two", token, "POST")).status_code == 403


async def test_whoever_is_let_in_again_stays_in(hub: SmallHub, paper: Paper) -> None:
    await hub.logged_in("anna")
    paper.disable("anna")
    await hub.watch.sweep()
    paper.add("anna")
    again = await hub.logged_in("anna")
    assert await again.sees() == "anna"
    await hub.watch.sweep()
    assert await again.sees() == "anna"


async def test_an_answer_from_before_a_login_does_not_count(hub: SmallHub, paper: Paper) -> None:
    """The directory says "disabled", then enables the account, and the person is faster than the answer."""
    anna = await hub.logged_in("anna")
    paper.disable("anna")
    asked_at = hub.clock.now
    answer = paper.look_up_many(["anna"], None)  # type: ignore[arg-type]
    paper.add("anna")
    hub.clock.now += 1
    hub.watch.admitted("anna")
    await hub.watch._take(answer, asked_at, 0.0)
    assert await anna.sees() == "anna"


async def test_no_request_waits_for_the_directory(hub: SmallHub, paper: Paper) -> None:
    anna = await hub.logged_in("anna")
    answered_by = asyncio.get_running_loop()
    hanging, seen = asyncio.Event(), asyncio.Event()

    def hang() -> None:
        answered_by.call_soon_threadsafe(hanging.set)
        asyncio.run_coroutine_threadsafe(seen.wait(), answered_by).result()

    paper.before_answer = hang
    sweep = asyncio.create_task(hub.watch.sweep())
    await hanging.wait()
    assert await anna.sees() == "anna"
    assert await hub.may(hub.token("bert"))  # the hub does not know bert yet
    assert not sweep.done()
    seen.set()
    await sweep


async def test_an_outage_is_borne_for_the_grace_and_then_a_login_is_due(hub: SmallHub, paper: Paper) -> None:
    anna = await hub.logged_in("anna")
    token = hub.token("anna")
    server = await hub.start_server(anna, "anna")
    await hub.watch.sweep()
    paper.silent = True
    hub.clock.now += 3600
    await hub.watch.sweep()
    assert await anna.sees() == "anna"
    assert await hub.may(token)
    hub.clock.now += 1
    await _second()
    assert await anna.sees() == ""
    assert not await hub.may(token)
    assert server.ready
    assert await hub.report("anna", server.api_token) == 200
    assert not await hub.may(token)  # the report opens nothing else
    assert await anna.sees() == ""
    assert not hub.audit.said("gone")


async def test_after_an_outage_all_is_as_before_without_a_login(tmp_path: Path, paper: Paper) -> None:
    async with small_hub(tmp_path, paper, servers_of_removed="stop") as hub:
        anna = await hub.logged_in("anna")
        token, server = hub.token("anna"), await hub.start_server(anna, "anna")
        thief = anna.copy()
        paper.silent = True
        hub.clock.now += LONG
        await hub.watch.sweep()
        await _second()
        assert not await hub.may(token)
        paper.silent = False
        await hub.watch.sweep()
        assert await hub.may(token)
        assert server.ready
        assert await thief.sees() == "anna"  # the very cookies of before
        await thief.aclose()


async def test_a_directory_that_lost_everybody_is_not_believed(tmp_path: Path) -> None:
    paper = Paper()
    names = [f"user{number:02}" for number in range(12)]
    paper.add(*names)
    async with small_hub(tmp_path, paper, servers_of_removed="stop") as hub:
        browsers = {name: await hub.logged_in(name) for name in names}
        server = await hub.start_server(browsers["user00"], "user00")
        before = dict(paper.accounts)
        paper.accounts.clear()
        await hub.watch.sweep()
        assert server.ready
        assert [await browser.sees() for browser in browsers.values()] == names
        assert not hub.audit.said("gone")
        hub.clock.now += LONG  # nobody has confirmed them for an hour
        await _second()
        assert await browsers["user01"].sees() == ""
        paper.accounts |= before
        await hub.watch.sweep()
        assert server.ready


async def test_one_of_many_can_go_while_the_rest_stays(tmp_path: Path) -> None:
    paper = Paper()
    names = [f"user{number:02}" for number in range(12)]
    paper.add(*names)
    async with small_hub(tmp_path, paper) as hub:
        browsers = [await hub.logged_in(name) for name in names]
        for name in names[:5]:
            paper.disable(name)
        await hub.watch.sweep()
        assert [await browser.sees() for browser in browsers] == [""] * 5 + names[5:]


async def test_half_an_answer_counts_for_those_it_is_about(hub: SmallHub, paper: Paper) -> None:
    await hub.logged_in("anna")
    names = ["anna", *(f"other{number:03}" for number in range(600))]
    paper.add(*names)
    paper.disable("anna")

    def falls_silent_after_one() -> None:
        paper.silent = len(paper.questions) > 1

    paper.questions.clear()
    paper.before_answer = falls_silent_after_one
    await hub.watch.look(names)
    assert hub.audit.said("gone") == [("anna", "disabled")]


async def test_a_spawn_asks_again_when_what_is_known_is_old(hub: SmallHub, paper: Paper) -> None:
    anna = await hub.logged_in("anna")
    paper.disable("anna")
    hub.clock.now += 241
    await anna.get("spawn/anna")
    await _until(lambda: not hub.app.users["anna"].spawners[""].pending)
    assert paper.questions == [["anna"]]
    assert not hub.app.users["anna"].spawners[""].active
    assert await anna.sees() == ""


async def test_a_spawn_asks_nobody_when_what_is_known_is_new(hub: SmallHub, paper: Paper) -> None:
    anna = await hub.logged_in("anna")
    hub.clock.now += 239
    assert (await hub.start_server(anna, "anna")).ready
    assert paper.questions == []


async def test_a_spawn_during_an_outage_is_let_through_within_the_grace(hub: SmallHub, paper: Paper) -> None:
    anna = await hub.logged_in("anna")
    paper.silent = True
    hub.clock.now += 3599
    assert (await hub.start_server(anna, "anna")).ready
    assert len(paper.questions) == 1


async def test_a_restarted_hub_looks_at_once_at_everybody_with_something_to_lose(
    tmp_path: Path, paper: Paper
) -> None:
    async with small_hub(tmp_path, paper) as hub:
        anna = await hub.logged_in("anna")
        await hub.logged_in("bert")
        cookies = httpx.Cookies(anna.cookies)
    paper.disable("anna")
    async with small_hub(tmp_path, paper) as hub:
        await _until(lambda: bool(hub.audit.said("gone")))
        assert paper.questions == [["anna", "bert"]]
        browser = hub.browser()
        browser.cookies = cookies
        assert await browser.sees() == ""


async def test_whoever_the_hub_does_not_know_is_asked_about_next(hub: SmallHub, paper: Paper) -> None:
    token = hub.token("carl")
    paper.disable("carl")
    assert await hub.may(token)
    await _until(lambda: hub.audit.said("gone") == [("carl", "disabled")])
    assert paper.questions == [["carl"]]
    assert not await hub.may(token)


@pytest.mark.parametrize("seconds", [0, 151])
def test_an_interval_that_breaks_the_promise_is_refused(seconds: int) -> None:
    with pytest.raises(TraitError, match="watch_interval"):
        WatchSettings(watch_interval=seconds)


async def _second() -> None:
    """Let the hub's own memory of a user pass (`auth_refresh_age`)."""
    await asyncio.sleep(1.05)


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.02)
