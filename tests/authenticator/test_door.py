"""The whole door with every part real: what the person is told, and what the audit hears."""

import asyncio
import json
import statistics
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tornado.web import HTTPError
from traitlets import TraitError
from traitlets.config import Config

import authenticator.answers as words
from authenticator import LDAPOTPAuthenticator
from authenticator.answers import Enrol
from authenticator.store import Store
from authenticator.watch import Watch
from demo.entries import Names
from tests.authenticator.kit import (
    PASSWORDS,
    SEEDS,
    SUFFIX,
    MakeAuthenticator,
    Slapd,
    browser,
    code_of,
    typed,
)

USER = "a1113a01"


async def answer(door: LDAPOTPAuthenticator, data: Any, language: str = "en") -> HTTPError:
    with pytest.raises(HTTPError) as told:
        await door.authenticate(browser(language), data)
    return told.value


def events(caplog: pytest.LogCaptureFixture) -> list[dict[str, str]]:
    lines = [message for message in caplog.messages if message.startswith("audit ")]
    return [json.loads(line.removeprefix("audit ")) for line in lines]


@contextmanager
def changed(slapd: Slapd, dn: str, attribute: str, value: str) -> Iterator[None]:
    """Have an attribute for a while that the entry otherwise lacks."""
    change = f"dn: {dn}\nchangetype: modify\n"
    slapd.modify(f"{change}replace: {attribute}\n{attribute}: {value}\n")
    try:
        yield
    finally:
        slapd.modify(f"{change}delete: {attribute}\n")


def policy(slapd: Slapd, attribute: str, value: str) -> AbstractContextManager[None]:
    return changed(slapd, Names(SUFFIX).default_policy, attribute, value)


def entry(slapd: Slapd, user: str, attribute: str, value: str) -> AbstractContextManager[None]:
    return changed(slapd, f"uid={user},ou=people,{SUFFIX}", attribute, value)


# ----- too many attempts ------------------------------------------------------------------------


@pytest.mark.parametrize("name", [USER, "nobody9", "<b>not a name</b>"])
async def test_who_tries_too_often_is_told_to_wait_alike_for_every_name(
    authenticator: LDAPOTPAuthenticator, name: str
) -> None:
    wrong = typed(USER, otp="000000") | {"username": name}
    assert [(await answer(authenticator, wrong)).status_code for _ in range(5)] == [403] * 5
    told = await answer(authenticator, wrong)
    assert told.status_code == 429
    assert told.jupyterhub_message == words.WAIT_ONE
    assert 25 <= int(told.headers["Retry-After"]) <= 30


async def test_while_somebody_waits_the_right_things_are_not_looked_at_either(
    authenticator: LDAPOTPAuthenticator, slapd: Slapd, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(5):
        await answer(authenticator, typed(USER, otp="000000"))
    before = slapd.connections()
    assert (await answer(authenticator, typed(USER))).status_code == 429
    assert slapd.connections() == before
    assert events(caplog)[-1]["reason"] == "throttled"
    assert authenticator.throttle.unlock(USER)
    assert await authenticator.authenticate(browser(), typed(USER)), "and the code was not used up"


async def test_a_success_forgets_the_failures_before_it(authenticator: LDAPOTPAuthenticator) -> None:
    for _ in range(4):
        await answer(authenticator, typed(USER, otp="000000"))
    assert await authenticator.authenticate(browser(), typed(USER))
    for _ in range(4):
        assert (await answer(authenticator, typed(USER, otp="000000"))).status_code == 403


async def test_an_account_locked_for_good_says_who_can_open_it(
    make_authenticator: MakeAuthenticator, caplog: pytest.LogCaptureFixture
) -> None:
    door = make_authenticator(config=Config({"Throttle": {"lock_after": 5}}))
    for _ in range(5):
        await answer(door, typed(USER, otp="000000"))
    told = await answer(door, typed(USER))
    assert (told.status_code, told.jupyterhub_message) == (429, words.LOCKED)
    assert not getattr(told, "headers", {}), "no time is promised"
    assert [event["user"] for event in events(caplog) if event["event"] == "locked"] == [USER]
    assert [notice.event for notice in door.store.notices.unseen(USER)] == ["locked"]


async def test_the_wait_is_told_in_korean_to_who_reads_korean(authenticator: LDAPOTPAuthenticator) -> None:
    for _ in range(5):
        await answer(authenticator, typed(USER, otp="000000"))
    told = (await answer(authenticator, typed(USER), "ko")).jupyterhub_message
    assert "잠시" in told or "분" in told
    assert told != words.WAIT_ONE


async def test_an_outage_costs_nobody_an_attempt(make_authenticator: MakeAuthenticator, slapd: Slapd) -> None:
    away = make_authenticator(server_uris=["ldaps://localhost:1"], connect_timeout=1)
    for later in (-1, 0, 1, 1, 1, 1, 1):
        await answer(away, typed(USER, otp=code_of(USER, later=later)))
    assert (await answer(away, typed(USER))).status_code == 503


# ----- other codes than the usual ones ----------------------------------------------------------


async def test_an_enrolment_code_opens_no_session(
    authenticator: LDAPOTPAuthenticator, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    code = store.enrolments.issue("nouse01", by="hpcadmin", now=time.time())
    told = await answer(authenticator, typed("nouse01", otp=code.lower()))
    assert isinstance(told, Enrol)
    assert (told.status_code, told.admission.person.name) == (403, "nouse01")
    assert events(caplog)[-1]["how"] == "enrolment"


async def test_an_enrolment_code_with_a_wrong_password_stays_good(
    authenticator: LDAPOTPAuthenticator, store: Store
) -> None:
    code = store.enrolments.issue(USER, by="hpcadmin", now=time.time())
    assert (await answer(authenticator, typed(USER, otp=code, password="no"))).status_code == 403
    assert isinstance(await answer(authenticator, typed(USER, otp=code)), Enrol)


async def test_a_recovery_code_lets_in_once(authenticator: LDAPOTPAuthenticator, store: Store) -> None:
    code = store.recovery.replace(USER, now=time.time())[0]
    assert (await answer(authenticator, typed(USER, otp=code, password="no"))).status_code == 403
    assert await authenticator.authenticate(browser(), typed(USER, otp=code))
    assert (await answer(authenticator, typed(USER, otp=code))).jupyterhub_message == words.REFUSED
    assert (await answer(authenticator, typed(USER))).jupyterhub_message == words.REFUSED


# ----- who may, and how ---------------------------------------------------------------------------


async def test_members_of_a_blocked_group_are_refused_like_anybody_else(
    make_authenticator: MakeAuthenticator, caplog: pytest.LogCaptureFixture
) -> None:
    door = make_authenticator(blocked_groups={"proj01"})
    assert (await answer(door, typed(USER))).jupyterhub_message == words.REFUSED
    assert events(caplog)[-1]["reason"] == "blocked"
    assert await door.authenticate(browser(), typed("a1113a03"))


async def test_nobody_goes_without_a_code(authenticator: LDAPOTPAuthenticator) -> None:
    assert (await answer(authenticator, typed(USER, otp=""))).jupyterhub_message == words.REFUSED


async def test_an_exempt_login_is_said_aloud(
    make_authenticator: MakeAuthenticator, caplog: pytest.LogCaptureFixture
) -> None:
    door = make_authenticator(config=Config({"Exemptions": {"groups": {"proj01"}}}))
    assert any("without a one-time password" in message for message in caplog.messages)
    assert await door.authenticate(browser(), typed(USER, otp=" "))
    assert [event["user"] for event in events(caplog) if event["event"] == "exempt"] == [USER]
    assert (await answer(door, typed("a1113a03", otp=""))).status_code == 403
    assert (await answer(door, typed(USER, otp="", password="no"))).status_code == 403
    assert (await answer(door, typed(USER, otp="000000"))).status_code == 403, "what is typed is checked"


def test_an_audit_file_that_others_may_read_keeps_the_hub_from_starting(
    make_authenticator: MakeAuthenticator, tmp_path: Path
) -> None:
    file = tmp_path / "audit.jsonl"
    file.touch(0o644)
    with pytest.raises(TraitError, match="chmod 600"):
        make_authenticator(config=Config({"Audit": {"audit_file": str(file)}}))


def test_exempting_everybody_keeps_the_hub_from_starting(make_authenticator: MakeAuthenticator) -> None:
    with pytest.raises(TraitError, match="that is everybody"):
        make_authenticator(config=Config({"Exemptions": {"networks": ["0.0.0.0/0"]}}))


async def test_an_expired_password_is_told_only_to_who_knows_it(
    make_authenticator: MakeAuthenticator, slapd: Slapd
) -> None:
    door = make_authenticator(password_url="https://www.hpc.example/password")
    with policy(slapd, "pwdMustChange", "TRUE"), entry(slapd, "a1113a02", "pwdReset", "TRUE"):
        wrong = await answer(door, typed("a1113a02", password="no"))
        right = await answer(door, typed("a1113a02", otp=code_of("a1113a02", later=1)))
    assert wrong.jupyterhub_message == words.REFUSED
    assert right.jupyterhub_message == words.EXPIRED
    assert right.password_url == "https://www.hpc.example/password"


async def test_who_must_change_the_password_is_no_guesser(
    make_authenticator: MakeAuthenticator, store: Store, slapd: Slapd
) -> None:
    door = make_authenticator()
    with policy(slapd, "pwdMustChange", "TRUE"), entry(slapd, "a1113a02", "pwdReset", "TRUE"):
        for _ in range(6):
            store.tokens.remove("a1113a02")  # so that the present code is not used yet
            store.tokens.put("a1113a02", SEEDS["a1113a02"], now=time.time())
            assert (await answer(door, typed("a1113a02"))).jupyterhub_message == words.EXPIRED


async def test_a_password_that_expires_soon_is_remembered_for_the_home_page(
    make_authenticator: MakeAuthenticator, slapd: Slapd
) -> None:
    door = make_authenticator()
    # Only a password that was changed has an age.
    who = f"dn: uid=a1113a03,ou=people,{SUFFIX}\nchangetype: modify\n"
    slapd.modify(f"{who}replace: userPassword\nuserPassword: {PASSWORDS['a1113a03']}\n")
    with policy(slapd, "pwdMaxAge", "1000000"), policy(slapd, "pwdExpireWarning", "2000000"):
        assert await door.authenticate(browser(), typed("a1113a03"))
    expiry = door.expiries.of("a1113a03")
    assert expiry is not None
    assert expiry.at is not None
    assert 0 < expiry.at - time.time() <= 1_000_000
    assert await door.authenticate(browser(), typed("a1113a03", otp=code_of("a1113a03", later=1)))
    assert door.expiries.of("a1113a03") is None, "the next login says that all is well"


# ----- who is logged in ---------------------------------------------------------------------------


class Stern(Watch):
    """A watch that lets nobody stay, and notes whom it is told of."""

    def __init__(self) -> None:
        self.let_in: list[str] = []

    def refresh(self, name: str, handler: Any = None) -> bool:
        return False

    def admitted(self, name: str) -> None:
        self.let_in.append(name)

    async def before_spawn(self, user: Any, spawner: Any) -> None:
        raise HTTPError(403)


async def test_jupyterhub_s_questions_go_to_the_watch(authenticator: LDAPOTPAuthenticator) -> None:
    watch = authenticator.watch = Stern()
    somebody = SimpleNamespace(name=USER)
    assert await authenticator.refresh_user(somebody, None) is False
    with pytest.raises(HTTPError):
        await authenticator.pre_spawn_start(somebody, None)
    assert await authenticator.authenticate(browser(), typed(USER))
    assert watch.let_in == [USER]


# ----- what the time tells ------------------------------------------------------------------------


async def test_every_refusal_is_answered_after_the_same_time(make_authenticator: MakeAuthenticator) -> None:
    door = make_authenticator(refusal_milliseconds=300)
    causes = {
        "no such account": typed(USER) | {"username": "nobody9"},
        "wrong code": typed(USER, otp="000000"),
        "wrong password": typed("a1113a03", password="no"),
        "not a name": typed(USER) | {"username": "*"},
    }
    took = {}
    for cause, data in causes.items():
        began = time.perf_counter()
        await answer(door, data)
        took[cause] = time.perf_counter() - began
    assert all(seconds >= 0.3 for seconds in took.values())
    assert max(took.values()) - statistics.median(took.values()) < 1.5


async def test_a_refusal_that_waits_for_its_time_holds_no_thread(
    make_authenticator: MakeAuthenticator,
) -> None:
    patient = Config({"Throttle": {"account_failures": 90, "address_failures": 90}})
    door = make_authenticator(refusal_milliseconds=5000, threads=1, waiting=50, config=patient)
    refused = [asyncio.create_task(answer(door, typed(USER, otp="000000"))) for _ in range(20)]
    await asyncio.sleep(0.5)
    # In the one thread they would take a hundred seconds.
    async with asyncio.timeout(60):
        assert await door.authenticate(browser(), typed("a1113a03"))
    for task in refused:
        task.cancel()
    await asyncio.gather(*refused, return_exceptions=True)
