"""What other sites can make a browser do at a real hub, and what pages tell browsers."""

from __future__ import annotations

import html
import html.parser
import time
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest
from sqlalchemy import select

from authenticator.store import Store
from authenticator.store.schema import Base
from tests.authenticator.kit import typed
from tests.authenticator.real_hub import Browser, Hub

USER: Final = "a1113a01"
SESSION: Final = ("jupyterhub-hub-login", "jupyterhub-session-id")
PAGES: Final = {
    "stranger": ("/login", "/otp", "/otp/resync", "/otp/enrol"),
    "enrolling": ("/otp/enrol",),
    "user": ("/otp", "/otp/replace", "/otp/codes", "/otp/resync", "/otp/enrol"),
    "admin": ("/otp/admin", "/otp/admin/a1113a03", "/otp/admin?q=%3Cb%3E"),
}
POSTS: Final = {
    "stranger": ("/login", "/otp", "/otp/resync", "/language"),
    "enrolling": ("/otp/enrol",),
    "user": ("/otp", "/otp/replace", "/otp/codes", "/otp/resync", "/otp/seen", "/language"),
    "admin": ("/otp/admin", "/otp/admin/a1113a03"),
}
EVIL: Final = '"><script>alert(1)</script>'
People = dict[str, Browser]


@pytest.fixture(scope="module")
def people(hub_process: Hub) -> Iterator[People]:
    hub_process.fresh_tokens()
    found = {name: Browser(hub_process) for name in PAGES}
    code = hub_process.store.enrolments.issue("a1113a02", by="hpcadmin", now=time.time())
    assert found["enrolling"].log_in("a1113a02", otp=code).headers["Location"] == "/hub/otp/enrol"
    assert found["user"].log_in(USER).status_code == httpx.codes.FOUND
    assert found["admin"].log_in("hpcadmin").status_code == httpx.codes.FOUND
    for browser in found.values():
        browser.client.get("/otp")
    hub_process.forget_attempts()
    hub_process.store.notices.add(USER, "reset", by="hpcadmin", now=time.time())
    yield found
    for browser in found.values():
        browser.close()


def contents(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Return all that is in the store."""
    with store.database.reading() as session:
        tables = Base.metadata.sorted_tables
        return {each.name: sorted(map(tuple, session.execute(select(each))), key=repr) for each in tables}


def every(routes: dict[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    return [(name, path) for name, paths in routes.items() for path in paths]


# ----- other sites ------------------------------------------------------------------------------------


def test_nothing_changes_by_opening_an_address(hub_process: Hub, people: People) -> None:
    before = contents(hub_process.store)
    # Made up, because addresses get logged; a mere attempt would be seen in the store.
    fields = {"username": USER, "otp": "135790", "second": "246801", "password": "made-up"}
    fields |= {"action": "reset", "confirmed": "yes"}
    fields |= {"name": "a1113a03", "up_to": "999", "lang": "ko", "label": "x"}
    for name, path in every(POSTS) + every(PAGES):
        for method in ("GET", "HEAD", "OPTIONS"):
            answer = people[name].client.request(method, path, params=fields)
            assert "hpchub-lang=ko" not in answer.headers.get("Set-Cookie", "")
    assert contents(hub_process.store) == before
    for method in ("PUT", "PATCH", "DELETE"):
        for name, path in every(POSTS):
            status = people[name].client.request(method, path, data=fields).status_code
            assert status in {403, 405}, (method, path)
    assert contents(hub_process.store) == before


class _Forms(html.parser.HTMLParser):
    """The fields of all forms that are posted."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[dict[str, str]] = []
        self._open = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = found.get("method", "get").lower() == "post"
            if self._open:
                self.forms.append({})
        elif tag in {"input", "button"} and self._open:
            self.forms[-1][found.get("name", "")] = found.get("value", "")


@pytest.mark.parametrize(("name", "path"), every(PAGES))
def test_every_form_has_the_token_of_its_browser(people: People, name: str, path: str) -> None:
    page = people[name].client.get(path)
    assert page.status_code == httpx.codes.OK
    forms = _Forms(page.text).forms
    assert forms  # the language switch, if nothing else
    assert [form.get("_xsrf") for form in forms] == [people[name].token] * len(forms)


@pytest.mark.parametrize(("name", "path"), every(POSTS))
def test_a_form_of_another_site_changes_nothing(
    hub_process: Hub, people: People, name: str, path: str
) -> None:
    client, before = people[name].client, contents(hub_process.store)
    fields = typed(USER) | {"action": "issue", "name": "a1113a03", "up_to": "9999", "lang": "ko"}
    other = people["admin" if name != "admin" else "user"].token
    for token in ({}, {"_xsrf": ""}, {"_xsrf": other}, {"_xsrf": "x" * 40}):
        answer = client.post(path, data=fields | token, headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == httpx.codes.FORBIDDEN
        assert "hpchub-lang=ko" not in answer.headers.get("Set-Cookie", "")
    assert contents(hub_process.store) == before


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_cannot_log_anybody_out(people: People, site: str) -> None:
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    answer = people["user"].client.get("/logout", headers=headers)
    assert answer.headers["Location"] == "/hub/home"
    assert people["user"].is_in()


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "\x01//evil.example",
        "javascript:alert(1)",
        "https:evil.example",
        "//127.0.0.1@evil.example/",
    ],
)
def test_nobody_is_led_elsewhere_after_login(hub: Hub, target: str) -> None:
    browser = Browser(hub)
    path = str(httpx.URL("/login", params={"next": target}))
    place = browser.log_in(USER, to=path).headers["Location"]
    assert place.startswith("/"), place
    assert httpx.URL("http://hub.example/hub/login").join(place).host == "hub.example"
    assert "\\" not in place
    assert "\t" not in place
    code = hub.store.enrolments.issue("a1113a02", by="hpcadmin", now=time.time())
    assert browser.log_in("a1113a02", otp=code, to=path).headers["Location"] == "/hub/otp/enrol"
    hub.store.enrolments.withdraw("a1113a02")
    answer = Browser(hub).post("/language", lang="ko", next=target)
    assert answer.headers["Location"] == "/hub/"


def test_a_page_of_the_hub_is_where_one_wanted_to_go(hub: Hub) -> None:
    assert Browser(hub).log_in(USER, to="/login?next=%2Fhub%2Ftoken").headers["Location"] == "/hub/token"


# ----- what pages are made of -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "method", "path", "field"),
    [
        ("stranger", "POST", "/login", "username"),
        ("stranger", "GET", "/login", "username"),
        ("stranger", "POST", "/otp", "username"),
        ("stranger", "POST", "/otp/resync", "username"),
        ("enrolling", "POST", "/otp/enrol", "label"),
        ("admin", "POST", "/otp/admin", "name"),
        ("admin", "GET", "/otp/admin", "q"),
    ],
)
def test_what_was_typed_is_shown_as_text(
    people: People, name: str, method: str, path: str, field: str
) -> None:
    browser = people[name]
    for typed_there in (EVIL, "' onfocus=alert(1) '", '" onfocus="alert(1)', "{{7*7}}"):
        fields = {"otp": "1", "password": "x", field: typed_there}
        if method == "GET":
            answer = browser.client.get(path, params={field: typed_there})
        else:
            browser.client.get(path)
            answer = browser.client.post(path, data=fields | {"_xsrf": browser.token})
        assert answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR
        assert "<script>alert(1)" not in answer.text
        assert ' onfocus="alert(1)' not in answer.text
        assert " onfocus=alert(1) x=" not in answer.text.replace("&#39;", "") or "&#39;" in answer.text
        assert "value='' onfocus" not in answer.text
        if (name, field) != ("enrolling", "label"):  # where the try is over, the page has no field
            assert (
                html.escape(typed_there).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in answer.text
            )


@pytest.mark.parametrize(("name", "path"), [*every(PAGES), ("user", "/language"), ("user", "/home")])
def test_pages_are_not_kept_framed_or_guessed_at(people: People, name: str, path: str) -> None:
    client = people[name].client
    for answer in (client.get(path), client.post(path, data={"_xsrf": "wrong"})):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Referrer-Policy"] == "same-origin"
        if path not in {"/home", "/language"}:
            assert answer.headers["Cache-Control"] == "no-store"
