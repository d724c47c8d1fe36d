"""The language switch and our static files, on a real hub."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from texts.handler import is_local_page


@pytest.fixture
def visitor(hub: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=hub, headers={"User-Agent": "test"}, timeout=60) as client:
        client.get("login")
        yield client


def switch(visitor: httpx.Client, lang: str, page: str = "/hub/login", **more: str) -> httpx.Response:
    return visitor.post(
        "language", data={"_xsrf": visitor.cookies["_xsrf"], "lang": lang, "next": page, **more}
    )


def test_the_choice_is_remembered_and_leads_back_to_the_page(visitor: httpx.Client) -> None:
    answer = switch(visitor, "ko")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/hub/login")
    assert 'lang="ko"' in visitor.get("login").text
    switch(visitor, "en")
    assert '<html lang="en"' in visitor.get("login").text


def test_the_cookie_lasts_a_year_and_stays_on_this_site(visitor: httpx.Client) -> None:
    cookie = switch(visitor, "ko").headers["Set-Cookie"]
    assert all(
        part in cookie for part in ("hpchub-lang=ko", "HttpOnly", "SameSite=Lax", "Path=/", "expires=")
    )
    assert "Secure" not in cookie


def test_two_visitors_at_once_read_their_own_language(hub: str) -> None:
    for lang in ("ko", "en", "ko"):
        answer = httpx.get(f"{hub}login", headers={"Cookie": f"hpchub-lang={lang}"}, timeout=60)
        assert f'<html lang="{lang}"' in answer.text


@pytest.mark.parametrize("lang", ["", "xx", "ko\r\nX: y", "../en", "<b>"])
def test_an_unknown_language_is_refused(visitor: httpx.Client, lang: str) -> None:
    answer = switch(visitor, lang)
    assert answer.status_code == 400
    assert "hpchub-lang" not in answer.headers.get("Set-Cookie", "")


@pytest.mark.parametrize("token", ["", "wrong"])
def test_another_site_cannot_change_the_language(visitor: httpx.Client, token: str) -> None:
    assert switch(visitor, "ko", _xsrf=token).status_code == 403


EVIL_PAGES = [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example",
    "\\\\evil.example",
    "/hub//evil.example",
    "/hub/../../evil",
    "/hub/\r\nX-Evil: 1",
    "/hub/\tx",
    "javascript:alert(1)",
    "/user/a1113a02/",
    "",
    "hub/home",
    "/hub/./x",
    "/hub/\u2028x",
]


@pytest.mark.parametrize("page", EVIL_PAGES)
def test_it_never_leads_elsewhere(visitor: httpx.Client, page: str) -> None:
    answer = switch(visitor, "en", page)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/hub/")


@pytest.mark.parametrize(
    "page", ["/hub/home", "/hub/spawn/a1113a01?next=%2Fhub%2Fhome", "/hub/", "/hub/a%20b"]
)
def test_pages_of_the_hub_are_kept(page: str) -> None:
    assert is_local_page(page, "/hub/")


def test_static_files_are_served_with_their_types(visitor: httpx.Client) -> None:
    style, script = visitor.get("hpchub-static/theme.css"), visitor.get("hpchub-static/queues.js?v=1")
    assert style.headers["Content-Type"].startswith("text/css")
    assert "javascript" in script.headers["Content-Type"]
    assert style.headers["Cache-Control"] == "no-cache"
    assert "max-age" in script.headers["Cache-Control"]


@pytest.mark.parametrize("path", ["../setup.cfg", "%2e%2e/setup.cfg", "..%2fsetup.cfg", "//etc/passwd"])
def test_nothing_else_of_the_machine_is_served(visitor: httpx.Client, path: str) -> None:
    assert visitor.get(f"hpchub-static/{path}").status_code in (403, 404)
