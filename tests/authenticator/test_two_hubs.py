"""Two hubs as processes of their own on one PostgreSQL store: one door, not two."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

import httpx
import pytest

import authenticator.answers as words
from authenticator.throttle import Outcome, Throttle
from tests.authenticator.kit import Slapd, code_of, typed
from tests.authenticator.postgres import Postgres
from tests.authenticator.real_hub import Browser, Hub, told

USER: Final = "a1113a01"
OTHER: Final = "a1113a02"
AT_ONCE: Final = 50
# So many that none of those who come at once is turned away before the code is looked at.
THROTTLE: Final = {"account_failures": AT_ONCE, "address_failures": 2 * AT_ONCE}
Hubs = tuple[Hub, Hub]


@pytest.fixture(scope="module")
def both(slapd: Slapd, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hubs]:
    folders = [tmp_path_factory.mktemp(name) for name in ("one", "two")]
    shared = {"store_url": postgres.new_database(), "key_file": str(folders[0] / "otp.key"), "waiting": 100}
    with contextlib.ExitStack() as running:
        made = []
        for folder in folders:
            made.append(Hub(folder, slapd, throttle=THROTTLE, **shared))
            running.callback(made[-1].stop)
        for hub in made:
            hub.wait()
        yield made[0], made[1]


@pytest.fixture
def hubs(both: Hubs) -> Hubs:
    both[0].fresh_tokens()
    return both


@pytest.fixture
def visitors(hubs: Hubs) -> Iterator[list[Browser]]:
    """The same person's browsers, one logged in at each hub."""
    found = [Browser(hub) for hub in hubs]
    for later, browser in enumerate(found):
        assert browser.log_in(USER, otp=code_of(USER, later=later)).status_code == httpx.codes.FOUND
    yield found
    for browser in found:
        browser.close()


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.1)


async def at_once(hubs: Hubs, fields: dict[str, str]) -> list[httpx.Response]:
    """Have fifty people open the login page, each at an address of their own, and all send it together."""
    clients = [
        httpx.AsyncClient(
            base_url=hubs[number % 2].url,
            headers={"X-Forwarded-For": f"203.0.113.{number + 1}"},
            timeout=60,
        )
        for number in range(AT_ONCE)
    ]
    await asyncio.gather(*(client.get("/login") for client in clients))
    forms = [fields | {"_xsrf": client.cookies["_xsrf"]} for client in clients]
    answers = await asyncio.gather(
        *(client.post("/login", data=form) for client, form in zip(clients, forms, strict=True))
    )
    for client in clients:
        await client.aclose()
    return answers


def test_one_code_opens_one_of_fifty_sessions(hubs: Hubs) -> None:
    answers = asyncio.run(at_once(hubs, typed(USER)))
    assert Counter(answer.status_code for answer in answers) == {302: 1, 403: AT_ONCE - 1}
    assert sum("jupyterhub-hub-login" in answer.cookies for answer in answers) == 1
    causes = Counter(reason for hub in hubs for reason in refusals(hub))
    assert set(causes) <= {"otp_used"}
    assert all('"result": "refused"' in hub.log.read_text() for hub in hubs)


def refusals(hub: Hub) -> list[str]:
    lines = hub.audit.read_text().splitlines()
    return [event["reason"] for event in map(json.loads, lines) if event["result"] == "refused"]


def test_so_does_one_recovery_code(hubs: Hubs) -> None:
    code = hubs[0].store.recovery.replace(OTHER, now=time.time())[0]
    answers = asyncio.run(at_once(hubs, typed(OTHER, otp=code)))
    assert sum(answer.headers.get("Location") == "/hub/otp/enrol" for answer in answers) == 1
    assert {answer.status_code for answer in answers} <= {302, 303, 403}
    assert hubs[0].store.recovery.left(OTHER) == 9


def fail(hub: Hub, address: str, *users: str) -> None:
    """Have logins fail, as a third hub on the same store would."""
    throttle = Throttle(attempts=hub.store.attempts, **THROTTLE)
    for user in users:
        throttle.reserve(user, address, now=time.time())
        throttle.settle(user, address, Outcome.REFUSED, now=time.time())


def test_what_failed_at_one_hub_counts_at_the_other(hubs: Hubs) -> None:
    one, two = hubs
    fail(one, "192.0.2.1", *[USER] * (AT_ONCE - 5))
    browser, other = Browser(one), Browser(two)
    for _ in range(5):
        assert browser.log_in(USER, otp="000000").status_code == httpx.codes.FORBIDDEN
    refused = other.log_in(USER)  # all of it right
    assert refused.status_code == httpx.codes.TOO_MANY_REQUESTS
    assert words.WAIT_ONE in told(refused)
    assert int(refused.headers["Retry-After"]) <= 30
    assert browser.log_in(USER).status_code == httpx.codes.TOO_MANY_REQUESTS
    assert Browser(two).log_in(OTHER).status_code == httpx.codes.FOUND
    done = two.otp("unlock", USER)
    assert "failed attempts are forgotten" in done.stdout, done.stderr
    assert browser.log_in(USER).status_code == httpx.codes.FOUND
    assert other.log_in(USER, otp=code_of(USER, later=1)).status_code == httpx.codes.FOUND


def test_an_address_that_guessed_at_one_hub_waits_at_the_other(hubs: Hubs) -> None:
    one, two = hubs
    guesser = {"X-Forwarded-For": "198.18.0.9"}
    fail(one, "198.18.0.9", *(f"nobody{number}" for number in range(2 * AT_ONCE)))
    browser = Browser(two, headers=guesser)
    assert browser.log_in(USER).status_code == httpx.codes.TOO_MANY_REQUESTS
    assert Browser(two).log_in(USER).status_code == httpx.codes.FOUND
    done = one.otp("unlock", "--address", "198.18.0.9")
    assert "failed attempts are forgotten" in done.stdout, done.stderr
    assert browser.log_in(OTHER).status_code == httpx.codes.FOUND


def test_a_reset_by_the_command_ends_the_sessions_at_both(hubs: Hubs, visitors: list[Browser]) -> None:
    assert all(browser.is_in() for browser in visitors)
    done = hubs[1].otp("reset", USER, "--yes")
    assert done.returncode == 0, done.stderr
    until(lambda: not any(browser.is_in() for browser in visitors))
    for hub in hubs:
        assert Browser(hub).log_in(USER, otp=code_of(USER, later=1)).status_code == httpx.codes.FORBIDDEN


def test_hubs_outlive_a_restart_of_the_store(hubs: Hubs, visitors: list[Browser], postgres: Postgres) -> None:
    browsers = [Browser(hub) for hub in hubs]
    postgres.stop()
    try:
        for browser, visitor in zip(browsers, visitors, strict=True):
            refused = browser.log_in(OTHER)
            assert refused.status_code == httpx.codes.SERVICE_UNAVAILABLE
            assert refused.headers["Retry-After"] == "30"
            assert "jupyterhub-hub-login" not in refused.cookies
            assert visitor.client.get("/otp").status_code == httpx.codes.SERVICE_UNAVAILABLE
            assert visitor.is_in()
    finally:
        postgres.start()
    for later, browser in enumerate(browsers):
        assert browser.log_in(OTHER, otp=code_of(OTHER, later=later)).status_code == httpx.codes.FOUND
    assert hubs[0].otp("disable", USER, "--why", "left").returncode == 0
    until(lambda: not any(browser.is_in() for browser in visitors))
    for hub in hubs:
        assert "Traceback" not in hub.log.read_text()
