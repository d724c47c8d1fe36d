"""Whole logins with each of the second factors that somebody else's server checks."""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tornado.web import HTTPError
from traitlets import TraitError
from traitlets.config import Config

from authenticator import LDAPOTPAuthenticator
from authenticator.answers import REFUSED, UNAVAILABLE
from authenticator.factors.appended import AppendedFactor
from authenticator.factors.privacyidea import PrivacyIDEAFactor
from authenticator.factors.radius import RadiusFactor
from demo import certificates
from tests.authenticator.factors.freeradius import Radius, free_udp_port
from tests.authenticator.factors.kit import ANYBODY, otp_settings
from tests.authenticator.factors.otp_directory import OTPDirectory
from tests.authenticator.factors.privacyidea_server import ACCEPTED, Answer, Call, running
from tests.authenticator.kit import MakeAuthenticator, Slapd, browser, code_of, typed

USER = "a1113a03"


async def expect(door: LDAPOTPAuthenticator, data: dict[str, Any], status: int) -> None:
    with pytest.raises(HTTPError) as answer:
        await door.get_authenticated_user(browser(), data)
    assert answer.value.status_code == status
    assert answer.value.jupyterhub_message == {403: REFUSED, 503: UNAVAILABLE}[status]


Make = Callable[..., LDAPOTPAuthenticator]


@pytest.fixture
def by_radius(make_authenticator: MakeAuthenticator, radius: Radius, secret_file: str) -> Make:
    def make(server: str = radius.address) -> LDAPOTPAuthenticator:
        settings = {"servers": [server], "secret_files": [secret_file], "timeout": 1, "tries": 1}
        return make_authenticator(second_factor=RadiusFactor, config=Config({"RadiusFactor": settings}))

    return make


async def test_freeradius_checks_the_code_and_the_directory_the_password(
    by_radius: Make, slapd: Slapd, radius: Radius
) -> None:
    door, data = by_radius(), typed(USER)
    asked, bound = radius.logins(), slapd.binds(USER)
    user = await door.get_authenticated_user(browser(), data)
    assert (user["name"], "hub-users" in user["groups"]) == (USER, True)
    assert (radius.logins(), slapd.binds(USER)) == (asked + 1, bound + 1)
    # FreeRADIUS would take the code again.
    await expect(door, data, 403)
    assert (radius.logins(), slapd.binds(USER)) == (asked + 1, bound + 1)


async def test_without_the_right_code_the_directory_is_not_asked(by_radius: Make, slapd: Slapd) -> None:
    before = slapd.binds("a1113a02")
    await expect(by_radius(), typed("a1113a02", otp="000000"), 403)
    assert slapd.binds("a1113a02") == before


async def test_a_right_code_with_a_wrong_password_is_refused(by_radius: Make) -> None:
    await expect(by_radius(), typed(USER, otp=code_of(USER, later=-1), password="wrong"), 403)


async def test_a_radius_server_that_is_down_is_told_apart_from_a_refusal(by_radius: Make) -> None:
    await expect(by_radius(f"127.0.0.1:{free_udp_port()}"), typed(USER), 503)


async def test_privacyidea_checks_the_code_and_the_directory_the_password(
    make_authenticator: MakeAuthenticator, tmp_path: Path, slapd: Slapd
) -> None:
    files = certificates.ensure(tmp_path / "privacyidea", "localhost")
    right = code_of(USER)

    def decide(call: Call) -> Answer:
        answer = json.loads(ACCEPTED)
        answer["result"]["value"] = (call.form["user"], call.form["pass"]) == (USER, right)
        return Answer(json.dumps(answer))

    with running(files) as server:
        server.answer = decide
        settings = {"url": server.url, "ca_file": str(files.ca)}
        config = Config({"PrivacyIDEAFactor": settings})
        door = make_authenticator(second_factor=PrivacyIDEAFactor, config=config)
        before = slapd.binds(USER)
        await expect(door, typed(USER, otp="00000000"), 403)
        assert slapd.binds(USER) == before
        assert (await door.get_authenticated_user(browser(), typed(USER, otp=right)))["name"] == USER
        await expect(door, typed(USER, otp=right), 403)
        assert (slapd.binds(USER), len(server.calls)) == (before + 1, 2)
        server.answer = lambda _call: Answer("", 500)
        await expect(door, typed(USER, otp="11111111"), 503)


@pytest.fixture
def by_directory(otp_directory: OTPDirectory, tmp_path: Path, key_file: Path) -> Iterator[Make]:
    made: list[LDAPOTPAuthenticator] = []

    def make(**changes: Any) -> LDAPOTPAuthenticator:
        store = {"store_url": f"sqlite:///{tmp_path / 'tokens.sqlite'}", "key_file": str(key_file)}
        settings = otp_settings(otp_directory, second_factor=AppendedFactor, **(store | changes))
        door = LDAPOTPAuthenticator(**settings, log=logging.getLogger("hpchub.test"))
        door.check_allow_config()
        made.append(door)
        return door

    yield make
    for door in made:
        door.store.close()


async def test_the_directory_checks_password_and_code_in_one_bind(
    by_directory: Make, otp_directory: OTPDirectory
) -> None:
    door = by_directory()
    data = {
        "username": "fred",
        "otp": otp_directory.code("fred"),
        "password": otp_directory.passwords["fred"],
    }
    user = await door.get_authenticated_user(browser(), data)
    assert (user["name"], user["groups"]) == ("fred", ["hub-users"])
    await expect(door, data, 403)
    # Another hub on the same store does not send it again, either.
    await expect(by_directory(), data, 403)
    assert otp_directory.binds("fred") == 1
    await expect(door, data | {"otp": ""}, 403)
    await expect(door, data | {"otp": otp_directory.code("fred", later=5)}, 403)
    assert otp_directory.binds("fred") == 2


def test_a_directory_that_lets_people_in_without_a_token_is_refused_at_start(by_directory: Make) -> None:
    with pytest.raises(TraitError, match="people without a token could get in by a password alone"):
        by_directory(user_filter=ANYBODY)
