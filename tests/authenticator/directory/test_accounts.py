"""Every state of an account on a real slapd with ppolicy: who gets in, and what they are told."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from authenticator.directory import Directory, Person
from authenticator.errors import LoginError, PasswordExpired, Refused
from authenticator.workers import Deadline
from tests.authenticator.directory.small_slapd import (
    PASSWORD,
    POLICIES,
    SmallSlapd,
    dn,
    person,
    policy,
    running,
)

DAY = 86_400


def at(**before: int) -> str:
    return (datetime.now(UTC) - timedelta(**before)).strftime("%Y%m%d%H%M%SZ")


def under(name: str) -> str:
    return f"cn={name},{POLICIES}"


@pytest.fixture(scope="module")
def slapd() -> Iterator[SmallSlapd]:
    policies = (
        policy("expires", pwdMaxAge=str(100 * DAY), pwdExpireWarning=str(7 * DAY))
        | policy("grace", pwdMaxAge=str(DAY), pwdGraceAuthnLimit="2")
        | policy("locks", pwdLockout="TRUE", pwdMaxFailure="2", pwdLockoutDuration="300")
        | policy("resets", pwdMustChange="TRUE")
    )
    soon = at(days=100, hours=-1)
    people = (
        person("good", pwdPolicySubentry=under("expires"), pwdChangedTime=at(days=1))
        | person("soon", pwdPolicySubentry=under("expires"), pwdChangedTime=soon)
        | person("late", pwdPolicySubentry=under("expires"), pwdChangedTime=at(days=101))
        | person("grace", pwdPolicySubentry=under("grace"), pwdChangedTime=at(days=2))
        | person("guessed", pwdPolicySubentry=under("locks"))
        | person("reset", pwdPolicySubentry=under("resets"), pwdReset="TRUE")
        | person("locked", pwdAccountLockedTime="000001010000Z", pwdPolicySubentry=under("locks"))
        | person("left", shadowExpire="1")
        | person("ended", pwdEndTime=at(days=1))
    )
    with running(policies | people) as server:
        yield server


@pytest.fixture(scope="module")
def directory(slapd: SmallSlapd) -> Directory:
    return Directory(slapd.settings(), logging.getLogger("hpchub.test"))


def check(directory: Directory, name: str, password: str = PASSWORD) -> Person:
    return directory.check(name, password.encode(), Deadline(15))


def refused(directory: Directory, name: str, password: str = PASSWORD) -> LoginError:
    with pytest.raises(LoginError) as answer:
        check(directory, name, password)
    return answer.value


def test_a_fresh_password_says_nothing(directory: Directory) -> None:
    assert check(directory, "good") == Person("good", dn("good"), frozenset())


def test_a_password_that_expires_soon_is_announced(directory: Directory) -> None:
    seconds = check(directory, "soon").password_expires_in
    assert seconds is not None
    assert 3400 < seconds <= 3600


def test_an_expired_password_is_told_apart_only_when_it_is_the_right_one(directory: Directory) -> None:
    assert isinstance(refused(directory, "late"), PasswordExpired)
    wrong = refused(directory, "late", "wrong")
    assert (type(wrong), wrong.reason) == (Refused, "password")


def test_grace_logins_are_counted_down_and_end(directory: Directory) -> None:
    assert [check(directory, "grace").grace_logins for _ in range(2)] == [1, 0]
    assert isinstance(refused(directory, "grace"), PasswordExpired)


def test_a_password_that_was_reset_must_be_changed_first(directory: Directory) -> None:
    assert isinstance(refused(directory, "reset"), PasswordExpired)
    assert refused(directory, "reset", "wrong").reason == "password"


def test_a_guessed_at_account_is_locked_for_a_pause_and_not_taken_for_disabled(directory: Directory) -> None:
    for _ in range(3):
        assert isinstance(refused(directory, "guessed", "wrong"), Refused)
    answer = refused(directory, "guessed")
    assert type(answer) is Refused
    account = directory.look_up("guessed", Deadline(15))
    assert account is not None
    assert account.disabled == ""


@pytest.mark.parametrize(
    ("name", "why"), [("good", ""), ("locked", "locked"), ("left", "expired"), ("ended", "expired")]
)
def test_an_account_that_is_switched_off_is_seen_without_a_password(
    directory: Directory, name: str, why: str
) -> None:
    account = directory.look_up(name, Deadline(15))
    assert account is not None
    assert (account.name, account.dn, account.disabled) == (name, dn(name), why)


@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
@pytest.mark.parametrize("name", ["locked", "left", "ended"])
def test_an_account_that_is_switched_off_does_not_get_in(
    directory: Directory, name: str, password: str
) -> None:
    answer = refused(directory, name, password)
    assert (type(answer), answer.reason) == (Refused, "disabled")


def test_a_rule_that_the_server_does_not_keep_is_kept_here(directory: Directory) -> None:
    assert "let the bind pass" in refused(directory, "left").detail


def test_nobody_is_nobody(directory: Directory) -> None:
    assert directory.look_up("nobody", Deadline(15)) is None
