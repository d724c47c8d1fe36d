"""What is left of a session after log-out, and after a login."""

from http.cookies import SimpleCookie
from pathlib import Path

import httpx
import pytest
from jupyterhub import handlers
from jupyterhub.handlers.login import LogoutHandler
from tornado.routing import RuleRouter

from authenticator.leaving import logout_handler
from authenticator.sessions import began
from tests.authenticator.watch.smallhub import SmallHub

HUB_COOKIE = "jupyterhub-hub-login"
SESSION = "jupyterhub-session-id"


def set_by(answer: httpx.Response) -> dict[str, str]:
    """Return the cookies that an answer sets."""
    found: dict[str, str] = {}
    for line in answer.headers.get_list("set-cookie"):
        found |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
    return found


async def test_a_copy_of_the_cookies_is_worth_nothing_after_log_out(hub: SmallHub) -> None:
    anna = await hub.logged_in("anna")
    thief = anna.copy()
    assert await thief.sees() == "anna"
    await anna.get("logout")
    assert await anna.sees() == ""
    assert await thief.sees() == ""
    await thief.aclose()


async def test_log_out_leaves_nothing_of_the_users_other_browsers_and_all_of_the_scripts(
    hub: SmallHub,
) -> None:
    laptop, desktop = await hub.logged_in("anna"), await hub.logged_in("anna")
    server = await hub.start_server(desktop, "anna")
    in_server, script = await hub.open_server(desktop, "anna"), hub.token("anna", note="script")
    await laptop.get("logout")
    assert await desktop.sees() == ""
    assert not await hub.may(in_server)
    assert await hub.may(script)
    assert await hub.may(server.api_token)


async def test_log_out_of_one_is_not_that_of_another(hub: SmallHub) -> None:
    anna, bert = await hub.logged_in("anna"), await hub.logged_in("bert")
    await anna.get("logout")
    assert await bert.sees() == "bert"


async def test_a_log_out_without_a_session_ends_nobodys(hub: SmallHub) -> None:
    anna = await hub.logged_in("anna")
    await hub.browser().get("logout")
    assert await anna.sees() == "anna"


async def test_a_second_browser_logs_in_beside_the_first(hub: SmallHub) -> None:
    laptop, desktop = await hub.logged_in("anna"), await hub.logged_in("anna")
    assert [await laptop.sees(), await desktop.sees()] == ["anna", "anna"]


async def test_a_login_in_the_same_browser_ends_its_session_before(hub: SmallHub) -> None:
    anna = await hub.logged_in("anna")
    thief = anna.copy()
    old = dict(anna.cookies)
    answer = await anna.log_in("anna")
    new = set_by(answer)
    assert new[HUB_COOKIE] != old[HUB_COOKIE]
    assert new[SESSION] != old[SESSION]
    assert await anna.sees() == "anna"
    assert await thief.sees() == ""
    await thief.aclose()


async def test_a_login_as_somebody_else_ends_the_first_ones_session(hub: SmallHub) -> None:
    browser = await hub.logged_in("anna")
    thief = browser.copy()
    await browser.log_in("bert")
    assert await browser.sees() == "bert"
    assert await thief.sees() == ""
    await thief.aclose()


async def test_a_session_id_that_was_there_before_the_login_is_not_kept(hub: SmallHub) -> None:
    browser = hub.browser()
    browser.cookies.set(SESSION, "planted", domain="127.0.0.1", path="/")
    await browser.get("login")
    form = {"username": "anna", "password": "x", "_xsrf": browser.cookies["_xsrf"]}
    answer = await browser.post("login", data=form)
    assert set_by(answer)[SESSION] not in ("", "planted")
    assert await browser.sees() == "anna"


async def test_forms_work_after_a_login_without_another_page_first(hub: SmallHub) -> None:
    browser = await hub.logged_in("anna")
    headers = {"X-XSRFToken": browser.cookies["_xsrf"], "Referer": f"{hub.url}hub/token"}
    answer = await browser.post("api/users/anna/tokens", json={"note": "mine"}, headers=headers)
    assert answer.status_code == 201, answer.text


async def test_a_login_that_is_refused_changes_nothing(hub: SmallHub) -> None:
    anna = await hub.logged_in("anna")
    answer = await anna.log_in("nobody")
    assert answer.status_code == 403
    assert HUB_COOKIE not in set_by(answer)
    assert await anna.sees() == "anna"


async def test_looking_at_the_login_page_does_not_lengthen_a_session(hub: SmallHub) -> None:
    anna = await hub.logged_in("anna")
    answer = await anna.get("login")
    assert answer.status_code == 302
    assert HUB_COOKIE not in set_by(answer)


async def test_a_user_who_logged_out_has_a_cookie_id_with_its_time(hub: SmallHub, tmp_path: Path) -> None:
    anna = await hub.logged_in("anna")
    assert began(hub.user("anna").cookie_id) == 0
    await anna.get("logout")
    assert began(hub.user("anna").cookie_id) > 0


async def test_a_link_of_another_host_logs_out_only_where_servers_have_hosts_of_their_own(
    hub: SmallHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, link = await hub.logged_in("anna"), {"Sec-Fetch-Site": "same-site"}
    await anna.get("logout", headers=link)
    assert await anna.sees() == "anna"
    monkeypatch.setitem(hub.app.tornado_application.settings, "subdomain_host", "http://hub.example")
    await anna.get("logout", headers=link)
    assert await anna.sees() == ""


def test_a_router_among_the_hubs_routes_does_not_keep_it_from_starting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handlers, "default_handlers", [("/x", RuleRouter()), *handlers.default_handlers])
    assert issubclass(logout_handler(), LogoutHandler)
