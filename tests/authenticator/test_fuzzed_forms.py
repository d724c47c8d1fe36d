"""A thousand bodies that no browser sends, to every form of a real hub: each is answered, none is an error.

Every answer of status 500 or above, and every traceback in the hub's log, is a fault of ours: the directory
and the store are well all the time. The dice are fixed, so that a fault is found again.
"""

import json
import random
import re
import time
from collections.abc import Callable, Iterator
from urllib.parse import quote_from_bytes, urlencode

import httpx
import pytest

from tests.authenticator.kit import typed
from tests.authenticator.real_hub import FORM, Browser, Hub

Dice = random.Random
Body = tuple[bytes, str]

NAMES = (
    "username",
    "otp",
    "password",
    "second",
    "label",
    "name",
    "action",
    "confirmed",
    "up_to",
    "lang",
    "next",
)
ROUTES = (
    "/login",
    "/otp",
    "/otp/enrol",
    "/otp/replace",
    "/otp/codes",
    "/otp/resync",
    "/otp/seen",
    "/otp/admin",
    "/otp/admin/a1113a03",
    "/language",
    "/logout",
    "/api/users/a1113a03/tokens",
)
SETS = (
    ("username", "otp", "password"),
    ("username", "otp", "password", "second"),
    ("otp", "password"),
    ("otp", "label"),
    ("action",),
    ("name",),
    ("up_to",),
    ("lang", "next"),
)
ODD_PATHS = (
    "/otp/admin/%2e%2e%2fa",
    "/otp/admin/A",
    "/otp/admin/a%00",
    "/otp/%FF%FE",
    "/otp/admin/" + "a" * 5000,
)
BODIES = 1008
PER_ROUTE = BODIES // len(ROUTES)
TROUBLE = re.compile("Traceback|Uncaught exception|check failed with")
COOKIES = (b"jupyterhub-hub-login", b"jupyterhub-session-id", b"_xsrf", b"hpchub-enrolment", b"hpchub-lang")
VALUES = (
    b"",
    b" ",
    b"\x00",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    "\u202e\u00ad\U0001f600".encode(),
    b"123456",
    b"0" * 16,
    b"ABCD-EFGH-IJKL-MNOP",
    b"AAAAA-AAAAA-AAAAA-AAAAA",
    "１２３４５６".encode(),
    b"A1113a01 ",
    b"a1113a03",
    b"*)(uid=*",
    b"%n%s{0}{{7*7}}${7*7}",
    b"<script>alert(1)</script>",
    b"9" * 30,
    b"-1",
    b"yes",
    b"issue",
    b"disable",
    b"enable",
    b"unlock",
    b"line\r\nSet-Cookie: a=b",
    b"//evil.example/",
    b"x" * 2000,
    b"y" * 100_000,
)


# ----- what is sent ---------------------------------------------------------------------------------


def noise(dice: Dice) -> Body:
    return dice.randbytes(dice.randrange(600)), dice.choice((FORM, "text/plain", "", "multipart/form-data"))


def form(dice: Dice) -> Body:
    """Fields of ours, missing, repeated and besides others, with odd values; now and then cut off."""
    names = [dice.choice((*NAMES, "_xsrf", "\x00", "admin", "username[]")) for _ in range(dice.randrange(9))]
    pairs = [f"{name}=".encode() + quote_from_bytes(dice.choice(VALUES)).encode() for name in names]
    body = b"&".join(pairs)
    return body[: dice.randrange(len(body) + 1)] if dice.random() < 0.2 else body, FORM


def nearly(dice: Dice) -> Body:
    """The right fields of some form of ours, each once, with odd values."""
    return urlencode({name: dice.choice(VALUES) for name in dice.choice(SETS)}).encode(), FORM


def raw(dice: Dice) -> Body:
    """A form whose values nobody has escaped."""
    return b"&".join(dice.choice(NAMES).encode() + b"=" + dice.choice(VALUES) for _ in range(4)), FORM


def charset(dice: Dice) -> Body:
    kind = dice.choice(("utf-16", "utf-7", "nonsense", "utf-8; charset=latin-1"))
    return urlencode(typed("a1113a03")).encode("utf-16"), f"{FORM}; charset={kind}"


def multipart(dice: Dice) -> Body:
    """Parts with and without a name, a file or an end."""
    parts = b""
    for name in dice.choices(NAMES, k=dice.randrange(5)):
        file = dice.choice(("", '; filename="x"', "; filename*=utf-8''%ff", "; name", '; name="\\"'))
        parts += f'--edge\r\nContent-Disposition: form-data; name="{name}"{file}'.encode()
        parts += dice.choice((b"\r\n\r\n", b"\r\nContent-Type: \xff\r\n\r\n", b"\n\n")) + dice.choice(VALUES)
        parts += b"\r\n"
    kind = dice.choice(("edge", '"edge"', "other", "", "\xe9"))
    return parts + dice.choice((b"--edge--\r\n", b"--edge", b"")), f"multipart/form-data; boundary={kind}"


def jsonish(dice: Dice) -> Body:
    """JSON, in the hub's own form for tokens as well."""
    odd = (None, 7, 1e308, True, [], {}, "x" * 5000, "\ud800", "\x00", [["a"]], {"username": {}}, "a1113a03")
    fields = {name: dice.choice(odd) for name in ("username", "otp", "password")}
    auth = dice.choice((fields, dice.choice(odd), {**fields, "more": 1}))
    return json.dumps(
        dice.choice(({"auth": auth}, fields, {"auth": auth, "note": ""}))
    ).encode(), "application/json"


KINDS: tuple[Callable[[Dice], Body], ...] = (noise, form, nearly, nearly, raw, charset, multipart, jsonish)


def bodies(route: str) -> Iterator[tuple[int, Body]]:
    dice = random.Random(route)
    for number in range(PER_ROUTE):
        # What is no JSON object there is JupyterHub's own affair.
        kind = jsonish if route.startswith("/api") else KINDS[number % len(KINDS)]
        yield number, kind(dice)


# ----- who sends it ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def people(hub_process: Hub) -> Iterator[list[Browser]]:
    """A stranger, somebody amid enrolling, somebody logged in, and an administrator."""
    hub_process.fresh_tokens()
    stranger, enrolling, user, admin = found = [Browser(hub_process) for _ in range(4)]
    code = hub_process.store.enrolments.issue("a1113a02", by="hpcadmin", now=time.time())
    assert enrolling.log_in("a1113a02", otp=code).headers["Location"] == "/hub/otp/enrol"
    assert user.log_in("a1113a01").status_code == httpx.codes.FOUND
    assert admin.log_in("hpcadmin").status_code == httpx.codes.FOUND
    for browser in found:
        browser.client.get("/otp")  # the first page after a login has another token for forms
    yield found
    assert user.is_in()
    assert admin.is_in()
    assert not stranger.is_in()
    for browser in found:
        browser.close()


@pytest.mark.parametrize("route", ROUTES)
def test_no_body_is_an_error_of_ours(hub_process: Hub, people: list[Browser], route: str) -> None:
    hub_process.forget_attempts()
    said = hub_process.log.stat().st_size
    for number, (body, kind) in bodies(route):
        browser = people[number // len(KINDS) % len(people)]
        headers = {"Content-Type": kind.encode("latin-1")}
        if number % 5:
            headers["X-XSRFToken"] = browser.token.encode()
        answer = browser.client.post(route, content=body, headers=headers)
        assert answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR, (number, kind, body[:300], answer.text)
        assert not TROUBLE.search(answer.text), (number, kind, body[:300])
        assert "<script>alert(1)" not in answer.text
        assert "a=b" not in answer.headers.get("Set-Cookie", "")
        assert not answer.headers.get("Location", "/hub/").startswith(("//", "http"))
    log = hub_process.log.read_bytes()[said:].decode()
    assert f"POST /hub{route}" in log
    assert not TROUBLE.search(log), TROUBLE.search(log)


@pytest.mark.parametrize(
    "path", [*(each for each in ROUTES if each not in {"/logout", "/language"}), *ODD_PATHS]
)
def test_nor_is_an_odd_address_or_cookie(hub_process: Hub, people: list[Browser], path: str) -> None:
    said = hub_process.log.stat().st_size
    odd = ("%FF%FE", "%00", "%F0%9F%98%80" * 50, "&".join(["a="] * 50), "[]=1", "1" * 5000)
    for value in odd:
        query = "&".join(f"{name}={value}" for name in ("next", "q", "page", "username", "lang", "_xsrf"))
        for browser in people:
            assert browser.client.get(f"{path}?{query}").status_code < httpx.codes.INTERNAL_SERVER_ERROR
    for value in (b"\xff", b'"', b"2|1:0|10:9|0:|0:|x", b"x" * 4000, b"a=b; a=c", b"\xed\xa0\x80"):
        cookies = b"; ".join(name + b"=" + value for name in COOKIES)
        for method in ("GET", "POST"):
            answer = httpx.request(
                method, f"{hub_process.url}{path}", headers={"Cookie": cookies}, timeout=60
            )
            assert answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR, (value, answer.text)
    assert not TROUBLE.search(hub_process.log.read_bytes()[said:].decode())
