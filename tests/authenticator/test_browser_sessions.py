"""A browser's session at a real hub: its cookies, how long it lasts, and what a copy of it is worth."""

from __future__ import annotations

import time
from http.cookies import Morsel, SimpleCookie
from typing import Final

import httpx
import pytest
from tornado.web import create_signed_value, decode_signed_value

import authenticator.answers as words
from tests.authenticator.kit import PASSWORDS, code_of, typed
from tests.authenticator.real_hub import COOKIE_SECRET, Browser, Hub, told

USER: Final = "a1113a01"
SESSION: Final = ("jupyterhub-hub-login", "jupyterhub-session-id")


def cookies_of(*answers: httpx.Response) -> list[Morsel[str]]:
    """Return the cookies that were set, not those that were taken back."""
    lines = [line for answer in answers for line in answer.headers.get_list("Set-Cookie")]
    return [one for line in lines for one in SimpleCookie(line).values() if one.value]


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_cookies_are_for_this_site_and_no_script(hub: Hub, scheme: str) -> None:
    code = hub.store.enrolments.issue("a1113a02", by="hpcadmin", now=time.time())
    jar: dict[str, Morsel[str]] = {}

    def ask(method: str, path: str, **fields: str) -> None:
        # By hand: to this client the way to the hub is not encrypted.
        headers = {"X-Forwarded-Proto": scheme, "Cookie": "; ".join(f"{k}={v.value}" for k, v in jar.items())}
        if "_xsrf" in jar:
            headers["X-XSRFToken"] = jar["_xsrf"].value
        answer = httpx.request(method, f"{hub.url}{path}", headers=headers, data=fields, timeout=60)
        assert answer.status_code < httpx.codes.BAD_REQUEST
        jar.update({one.key: one for one in cookies_of(answer)})

    ask("GET", "/login")
    ask("POST", "/login", **typed("a1113a02", otp=code))
    ask("POST", "/login", **typed(USER))
    ask("POST", "/language", lang="ko")
    assert set(jar) == {*SESSION, "_xsrf", "hpchub-enrolment", "hpchub-lang"}
    for name, cookie in jar.items():
        assert cookie["samesite"] in {"Lax", "Strict"}, name
        # JupyterHub's own token for forms is for scripts of its pages, and of no use without the session.
        assert name == "_xsrf" or cookie["httponly"], name
        assert name == "_xsrf" or bool(cookie["secure"]) == (scheme == "https"), name


def test_a_session_lasts_half_a_day(hub: Hub) -> None:
    browser = Browser(hub)
    assert browser.log_in(USER).status_code == httpx.codes.FOUND
    name = "jupyterhub-hub-login"
    signed = browser.client.cookies[name].strip('"')
    value = decode_signed_value(COOKIE_SECRET, name, signed)
    assert value is not None
    for hours, status in ((11.9, httpx.codes.OK), (12.1, httpx.codes.FOUND)):
        then = time.time() - hours * 3600
        older = create_signed_value(COOKIE_SECRET, name, value, clock=lambda then=then: then).decode()
        assert httpx.get(f"{hub.url}/home", cookies={name: older}, timeout=60).status_code == status


def copy_of(browser: Browser) -> httpx.Client:
    """Return somebody else with a copy of the browser's cookies."""
    return httpx.Client(
        base_url=browser.client.base_url, cookies=httpx.Cookies(browser.client.cookies), timeout=60
    )


def values(browser: Browser) -> set[str]:
    return {one.value or "" for one in browser.client.cookies.jar if one.name in SESSION}


def test_a_login_makes_a_new_session_and_the_old_one_ends(hub: Hub) -> None:
    browser = Browser(hub)
    assert browser.log_in(USER).status_code == httpx.codes.FOUND
    copied, first = copy_of(browser), values(browser)
    assert copied.get("/home").status_code == httpx.codes.OK
    browser.client.get("/otp")
    assert browser.log_in(USER, otp=code_of(USER, later=1)).status_code == httpx.codes.FOUND
    assert browser.is_in()
    assert len(first) == len(values(browser)) == len(SESSION)
    assert not first & values(browser)
    assert copied.get("/home").status_code == httpx.codes.FOUND


def test_a_session_id_that_was_planted_is_not_taken(hub: Hub) -> None:
    browser = Browser(hub)
    for path in ("/", "/hub/", "/hub/login"):
        browser.client.cookies.set("jupyterhub-session-id", "planted", domain="127.0.0.1", path=path)
    browser.client.get("/login")
    answer = browser.log_in(USER)
    (made,) = [one for one in cookies_of(answer) if one.key == "jupyterhub-session-id"]
    assert made.value != "planted"


def test_a_copy_of_a_session_ends_with_it(hub: Hub) -> None:
    browser = Browser(hub)
    assert browser.log_in(USER).status_code == httpx.codes.FOUND
    copied = copy_of(browser)
    browser.client.get("/logout")
    assert not browser.is_in()
    assert copied.get("/home").status_code == httpx.codes.FOUND


def test_the_login_page_works_with_a_session_that_is_over(hub: Hub) -> None:
    browser = Browser(hub)
    assert browser.log_in(USER).status_code == httpx.codes.FOUND
    left = copy_of(browser)
    browser.client.get("/logout")
    page = left.get("/login")
    assert page.status_code == httpx.codes.OK
    token = [one for one in left.cookies.jar if one.name == "_xsrf"][-1].value
    again = typed(USER, otp=code_of(USER, later=1)) | {"_xsrf": token or ""}
    assert left.post("/login", data=again).status_code == httpx.codes.FOUND
    assert left.get("/home").status_code == httpx.codes.OK


def test_who_is_logged_in_can_become_somebody_else_by_a_whole_login_only(hub: Hub) -> None:
    browser = Browser(hub)
    assert browser.log_in(USER).status_code == httpx.codes.FOUND
    browser.client.get("/otp")
    assert browser.log_in("a1113a02", password=PASSWORDS[USER]).status_code == httpx.codes.FORBIDDEN
    assert words.REFUSED in told(browser.log_in("a1113a02", otp="1"))
    assert USER in told(browser.client.get("/home"))
    assert browser.log_in("a1113a02", otp=code_of("a1113a02", later=1)).status_code == httpx.codes.FOUND
    assert "a1113a02" in told(browser.client.get("/home"))
