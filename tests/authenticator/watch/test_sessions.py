"""Ending all sessions of a user, in a running hub."""

import time

import pytest

from authenticator.sessions import Sessions, began, new_cookie_id
from tests.authenticator.watch.smallhub import SmallHub


@pytest.fixture
def sessions(hub: SmallHub) -> Sessions:
    return Sessions(hub.app)


async def test_every_browser_of_the_user_must_log_in_again(hub: SmallHub, sessions: Sessions) -> None:
    laptop, desktop = await hub.logged_in("anna"), await hub.logged_in("anna")
    assert sessions.end("anna", before=time.time())
    assert await laptop.sees() == ""
    assert await desktop.sees() == ""
    assert (await laptop.log_in("anna")).status_code == 302
    assert await laptop.sees() == "anna"


async def test_nobody_else_notices(hub: SmallHub, sessions: Sessions) -> None:
    await hub.logged_in("anna")
    bert = await hub.logged_in("bert")
    server = await hub.start_server(bert, "bert")
    tokens = [hub.token("bert"), await hub.open_server(bert, "bert"), server.api_token]
    sessions.end("anna", before=time.time())
    assert await bert.sees() == "bert"
    assert [await hub.may(token) for token in tokens] == [True, True, True]


async def test_tokens_of_scripts_and_of_browsers_in_servers_end(hub: SmallHub, sessions: Sessions) -> None:
    anna = await hub.logged_in("anna")
    await hub.start_server(anna, "anna")
    tokens = [hub.token("anna", note="my script"), await hub.open_server(anna, "anna")]
    assert [await hub.may(token) for token in tokens] == [True, True]
    sessions.end("anna", before=time.time())
    assert [await hub.may(token) for token in tokens] == [False, False]


async def test_a_browser_on_its_way_into_a_server_does_not_arrive(hub: SmallHub, sessions: Sessions) -> None:
    anna = await hub.logged_in("anna")
    await hub.start_server(anna, "anna")
    on_the_way = await hub.way_in(anna, "anna")
    sessions.end("anna", before=time.time())
    answer = await hub.ask("oauth2/token", "", "POST", data=on_the_way)
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_grant"


async def test_a_running_server_goes_on_reporting_and_its_token_opens_nothing(
    hub: SmallHub, sessions: Sessions
) -> None:
    anna = await hub.logged_in("anna")
    server = await hub.start_server(anna, "anna")
    sessions.end("anna", before=time.time())
    assert server.ready
    assert await hub.report("anna", server.api_token) == 200
    scopes = (await hub.ask("user", server.api_token)).json()["scopes"]
    assert not [scope for scope in scopes if scope.startswith("access:")]


async def test_a_token_that_calls_itself_a_servers_gets_no_more_than_one(
    hub: SmallHub, sessions: Sessions
) -> None:
    anna = await hub.logged_in("anna")
    await hub.start_server(anna, "anna")
    forged = hub.token("anna", note="Server at /user/anna/")
    sessions.end("anna", before=time.time())
    assert (await hub.ask("users/anna/tokens", forged)).status_code == 403
    assert (await hub.ask("users/anna/servers/more", forged, "POST")).status_code == 403


async def test_a_server_of_the_past_is_no_reason_to_keep_its_token(hub: SmallHub, sessions: Sessions) -> None:
    await hub.logged_in("anna")
    leftover = hub.token("anna", note="Server at /user/anna/")
    sessions.end("anna", before=time.time())
    assert not await hub.may(leftover)


async def test_what_was_made_later_stays(hub: SmallHub, sessions: Sessions) -> None:
    await hub.logged_in("anna")
    sessions.end("anna", before=time.time())
    asked_for = time.time()
    sessions.end("anna", before=asked_for)
    again = await hub.logged_in("anna")
    token = hub.token("anna")
    assert not sessions.end("anna", before=asked_for)
    assert await again.sees() == "anna"
    assert await hub.may(token)


async def test_a_name_the_hub_does_not_know_is_no_trouble(sessions: Sessions) -> None:
    assert not sessions.end("nobody", before=time.time())
    sessions.end_browsers("nobody")
    await sessions.stop_servers("nobody")


async def test_servers_stop_those_too_that_wait(hub: SmallHub, sessions: Sessions) -> None:
    anna, bert = await hub.logged_in("anna"), await hub.logged_in("bert")
    running = await hub.start_server(anna, "anna")
    waiting = await hub.start_server(anna, "anna", "waits")
    others = await hub.start_server(bert, "bert")
    assert running.ready
    assert waiting.pending == "spawn"
    await sessions.stop_servers("anna")
    assert not running.active
    assert not waiting.active
    assert not waiting.pending
    assert others.ready


@pytest.mark.parametrize("cookie_id", ["", "8c2f7a", "8c2f-7a", "-5-x", "1.2.3-x", "nan-x", "1e9-x"])
def test_a_cookie_id_that_is_not_ours_is_older_than_anything(cookie_id: str) -> None:
    assert began(cookie_id) == 0


def test_no_two_cookie_ids_are_alike_and_each_knows_its_time() -> None:
    made = [new_cookie_id(1_750_000_000.25) for _ in range(100)]
    assert len(set(made)) == 100
    assert {began(each) for each in made} == {1_750_000_000.25}
