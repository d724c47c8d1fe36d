"""The same directory on 389-DS, whose answers differ from OpenLDAP's in nearly everything but the syntax."""

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from authenticator import LDAPOTPAuthenticator
from authenticator.directory import Directory, DirectorySettings, Person
from authenticator.directory.tls import Endpoint, client_context
from authenticator.errors import LoginError, PasswordExpired, Refused, Unavailable
from authenticator.workers import Deadline
from demo import certificates
from demo.entries import Entry
from tests.authenticator.ds389 import NAMES, Ds389, running
from tests.authenticator.kit import ACCOUNTS, PASSWORDS, SUFFIX

USER, OTHER, THIRD, LOCKED = "a1113a01", "a1113a02", "a1113a03", "locked01"
GROUPS = frozenset({"hpcusers", "hub-users", "proj01"})
DAY = 86_400
# The role that switches off whoever has it, as 389-DS and its ancestors make it.
DISABLED_BY_ROLE = f"""\
dn: cn=nsManagedDisabledRole,{SUFFIX}
objectClass: nsManagedRoleDefinition
objectClass: nsSimpleRoleDefinition
objectClass: nsRoleDefinition
objectClass: ldapsubentry

dn: cn=nsAccountInactivationTmp,{SUFFIX}
objectClass: nsContainer

dn: cn="cn=nsManagedDisabledRole,{SUFFIX}",cn=nsAccountInactivationTmp,{SUFFIX}
objectClass: extensibleObject
objectClass: costemplate
objectClass: ldapsubentry
cosPriority: 1
nsAccountLock: true

dn: cn=nsAccountInactivation_cos,{SUFFIX}
objectClass: cosSuperDefinition
objectClass: cosClassicDefinition
objectClass: ldapsubentry
cosTemplateDn: cn=nsAccountInactivationTmp,{SUFFIX}
cosSpecifier: nsRole
cosAttribute: nsAccountLock operational

"""


@pytest.fixture(scope="module")
def ds389() -> Iterator[Ds389]:
    with running() as server:
        yield server


def settings(server: Ds389, uri: str = "", **changes: Any) -> DirectorySettings:
    known: dict[str, Any] = {
        "servers": (Endpoint(uri or server.ldaps),),
        "tls": client_context(server.certificates.ca),
        "unencrypted": False,
        "bind_dn": NAMES.hub,
        "bind_password": server.hub_password.read_bytes(),
        "user_base": NAMES.people,
        "user_dn_template": "",
        "user_filter": LDAPOTPAuthenticator.user_filter.default_value,
        "user_name_attribute": "uid",
        "group_base": NAMES.groups,
        "group_filter": LDAPOTPAuthenticator.group_filter.default_value,
        "group_name_attribute": "cn",
        "connect_timeout": 3,
        "receive_timeout": 5,
    }
    return DirectorySettings(**(known | changes))


def directory(server: Ds389, uri: str = "", **changes: Any) -> Directory:
    return Directory(settings(server, uri, **changes), logging.getLogger("hpchub.test"))


def check(server: Ds389, name: str, password: str = "") -> Person:
    return directory(server).check(name, (password or PASSWORDS[name]).encode(), Deadline(15))


def refused(server: Ds389, name: str, password: str = "") -> LoginError:
    with pytest.raises(LoginError) as answer:
        check(server, name, password)
    return answer.value


def entry(name: str) -> Entry:
    return {
        "objectClass": ["inetOrgPerson", "posixAccount"],
        "uid": [name],
        "cn": [name],
        "sn": [name],
        "uidNumber": ["20001"],
        "gidNumber": ["20001"],
        "homeDirectory": [f"/home/{name}"],
    }


def in_seconds(seconds: int) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y%m%d%H%M%SZ")


@pytest.fixture
def expiry(ds389: Ds389) -> Iterator[Callable[[int], None]]:
    """Return what sets when the password of `OTHER` expires, in seconds from now."""
    ds389.set_policy(passwordExp="on", passwordMaxAge=str(100 * DAY), passwordWarning=str(DAY))
    yield lambda seconds: ds389.set_person(OTHER, "passwordExpirationTime", in_seconds(seconds))
    ds389.set_policy(passwordExp="off", passwordGraceLimit="0")


@pytest.mark.parametrize("tls", ["ldaps", "starttls"])
def test_the_right_password_lets_a_person_in_with_their_groups(ds389: Ds389, tls: str) -> None:
    door = directory(ds389, getattr(ds389, tls))
    person = door.check(USER, PASSWORDS[USER].encode(), Deadline(15))
    assert person == Person(USER, NAMES.user(USER), GROUPS)


@pytest.mark.parametrize("tls", ["ldaps", "starttls"])
def test_a_certificate_of_another_authority_is_refused(ds389: Ds389, tls: str, tmp_path: Path) -> None:
    stranger = client_context(certificates.ensure(tmp_path, "localhost").ca)
    with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
        directory(ds389, getattr(ds389, tls), tls=stranger).look_up(USER, Deadline(15))


def test_a_wrong_password_is_refused(ds389: Ds389) -> None:
    answer = refused(ds389, USER, "wrong")
    assert (type(answer), answer.reason) == (Refused, "password")


@pytest.mark.parametrize("password", ["", "wrong"])
def test_a_disabled_account_is_refused_and_seen(ds389: Ds389, password: str) -> None:
    answer = refused(ds389, LOCKED, password)
    assert (type(answer), answer.reason) == (Refused, "disabled")
    account = directory(ds389).look_up(LOCKED, Deadline(15))
    assert account is not None
    assert account.disabled == "disabled"


def test_an_account_that_is_disabled_by_a_role_is_refused_and_seen(ds389: Ds389) -> None:
    ds389.modify(DISABLED_BY_ROLE, "-a")
    ds389.set_person(THIRD, "nsRoleDN", f"cn=nsManagedDisabledRole,{SUFFIX}")
    answer = refused(ds389, THIRD)
    account = directory(ds389).look_up(THIRD, Deadline(15))
    ds389.modify(f"dn: {NAMES.user(THIRD)}\nchangetype: modify\ndelete: nsRoleDN\n")
    assert (type(answer), answer.reason) == (Refused, "disabled")
    assert account is not None
    assert account.disabled == "disabled"


def test_groups_by_the_member_of_plugin(ds389: Ds389) -> None:
    changes = {"group_filter": "(memberUid={username})", "member_of_attribute": "memberOf"}
    account = directory(ds389, **changes).look_up(USER, Deadline(15))
    assert account is not None
    assert account.groups == GROUPS
    only = directory(ds389, group_filter="", member_of_attribute="memberOf").look_up(USER, Deadline(15))
    assert only is not None
    assert only.groups == {"hub-users"}


def test_everybody_at_once(ds389: Ds389) -> None:
    crowd = [f"crowd{number}" for number in range(30)]
    ds389.add({NAMES.user(name): entry(name) for name in crowd})
    group = {"objectClass": ["groupOfNames"], "cn": ["crowd"], "member": [NAMES.user(name) for name in crowd]}
    ds389.add({NAMES.group("crowd"): group})
    names = [*(user.name for user in ACCOUNTS.users), *crowd, *(f"nobody{number}" for number in range(10))]
    accounts = directory(ds389).look_up_many(names, Deadline(15))
    assert accounts == {name: directory(ds389).look_up(name, Deadline(15)) for name in names}
    assert [name for name in names if accounts[name] is None] == names[-10:]


def test_a_password_that_expires_soon_is_announced(ds389: Ds389, expiry: Callable[[int], None]) -> None:
    expiry(3600)
    # The first warning gives the whole time of warning, whatever was left of it (389-DS).
    first = check(ds389, OTHER).password_expires_in
    assert first is not None
    assert DAY - 60 < first <= DAY
    expiry(3600)
    second = check(ds389, OTHER).password_expires_in
    assert second is not None
    assert 3500 < second <= 3600


def test_an_expired_password_is_told_apart_only_when_it_is_the_right_one(
    ds389: Ds389, expiry: Callable[[int], None]
) -> None:
    expiry(-60)
    assert isinstance(refused(ds389, OTHER), PasswordExpired)
    answer = refused(ds389, OTHER, "wrong")
    assert (type(answer), answer.reason) == (Refused, "password")


def test_grace_logins_are_counted_down_and_end(ds389: Ds389, expiry: Callable[[int], None]) -> None:
    ds389.set_policy(passwordGraceLimit="2")
    expiry(-60)
    assert [check(ds389, OTHER).grace_logins for _ in range(2)] == [1, 0]
    assert isinstance(refused(ds389, OTHER), PasswordExpired)


def test_a_password_that_was_reset_must_be_changed_first(ds389: Ds389, expiry: Callable[[int], None]) -> None:
    ds389.set_policy(passwordMustChange="on")
    ds389.set_person(USER, "userPassword", PASSWORDS[USER])
    answer = refused(ds389, USER)
    ds389.set_policy(passwordMustChange="off")
    ds389.set_person(USER, "userPassword", PASSWORDS[USER])
    assert isinstance(answer, PasswordExpired)
    assert check(ds389, USER).name == USER


def test_a_guessed_at_account_is_locked_for_a_pause_and_not_taken_for_disabled(ds389: Ds389) -> None:
    ds389.set_policy(passwordLockout="on", passwordMaxFailure="2")
    for _ in range(3):
        refused(ds389, THIRD, "wrong")
    answer = refused(ds389, THIRD)
    ds389.set_policy(passwordLockout="off")
    assert (type(answer), answer.reason) == (Refused, "locked")
    account = directory(ds389).look_up(THIRD, Deadline(15))
    assert account is not None
    assert account.disabled == ""
