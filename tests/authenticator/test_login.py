"""Who gets in and who does not, with a real directory behind the door."""

import asyncio
import base64
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tornado.web import HTTPError
from traitlets import TraitError
from traitlets.config import Config

import authenticator.answers as words
import texts
from authenticator import LDAPOTPAuthenticator
from authenticator.keys import make_key_file
from authenticator.store import Store
from demo import directory
from tests.authenticator.kit import (
    PASSWORDS,
    SEEDS,
    SUFFIX,
    MakeAuthenticator,
    Slapd,
    browser,
    code_of,
    open_descriptors,
    typed,
)

USER = "a1113a01"


async def turned_away(door: LDAPOTPAuthenticator, data: Any, *, status: int = 403) -> str:
    """Try to log in, expect this status, and return what the person is told."""
    with pytest.raises(HTTPError) as answer:
        await door.get_authenticated_user(browser(), data)
    assert answer.value.status_code == status
    return str(answer.value.jupyterhub_message)  # type: ignore[attr-defined]


async def test_the_right_three_let_a_user_in_with_their_groups(authenticator: LDAPOTPAuthenticator) -> None:
    user = await authenticator.get_authenticated_user(browser(), typed("a1113a02"))
    assert user["name"] == "a1113a02"
    assert user["groups"] == ["hpcusers", "hub-users", "proj01", "proj02"]
    assert user["admin"] is False


async def test_a_member_of_the_admin_group_is_an_administrator(authenticator: LDAPOTPAuthenticator) -> None:
    user = await authenticator.get_authenticated_user(browser(), typed("hpcadmin"))
    assert user["admin"] is True


async def test_without_an_admin_group_the_hub_keeps_its_own_administrators(
    make_authenticator: MakeAuthenticator,
) -> None:
    door = make_authenticator(admin_groups=set())
    assert (await door.get_authenticated_user(browser(), typed("hpcadmin")))["admin"] is None


@pytest.mark.parametrize("name", ["A1113A01", " a1113a01 ", "a1113A01"])
async def test_a_name_in_capitals_or_with_blanks_is_the_same_user(
    authenticator: LDAPOTPAuthenticator, name: str
) -> None:
    user = await authenticator.get_authenticated_user(browser(), typed(USER) | {"username": name})
    assert user["name"] == USER


@pytest.mark.parametrize("otp", ["000000", "", "12345", "abcdef", "１２３４５６"])
async def test_a_wrong_code_is_refused_and_never_reaches_the_directory(
    authenticator: LDAPOTPAuthenticator, slapd: Slapd, otp: str
) -> None:
    before = slapd.connections()
    assert await turned_away(authenticator, typed(USER, otp=otp)) == words.REFUSED
    assert slapd.connections() == before


async def test_a_used_code_is_refused(authenticator: LDAPOTPAuthenticator) -> None:
    data = typed(USER)
    assert await authenticator.get_authenticated_user(browser(), data)
    assert await turned_away(authenticator, data) == words.REFUSED
    spaced = f"{data['otp'][:3]} {data['otp'][3:]}"
    assert await turned_away(authenticator, data | {"otp": spaced}) == words.REFUSED


async def test_the_next_code_lets_the_user_in_again_but_then_the_older_one_does_not(
    authenticator: LDAPOTPAuthenticator,
) -> None:
    older = code_of(USER)
    assert await authenticator.get_authenticated_user(browser(), typed(USER, otp=code_of(USER, later=1)))
    assert await turned_away(authenticator, typed(USER, otp=older)) == words.REFUSED


async def test_a_code_used_in_another_process_is_used_here(
    make_authenticator: MakeAuthenticator, tmp_path: Path
) -> None:
    data, here = typed(USER), make_authenticator()
    script = (
        "import sys, time; from authenticator.keys import load_keys; from pathlib import Path\n"
        "from authenticator.store import Store; from authenticator.passcode import matching_steps\n"
        "store = Store(sys.argv[1], load_keys(Path(sys.argv[2]))); token = store.tokens.get('a1113a01')\n"
        "steps = matching_steps(token.seed, sys.stdin.read(), now=time.time(), window=1)\n"
        "print(store.tokens.claim(token.id, steps[0], now=time.time()))"
    )
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", script, here.store_url, here.key_file],
        input=data["otp"],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout.strip() == "True"
    assert await turned_away(here, data) == words.REFUSED
    assert await turned_away(make_authenticator(), data) == words.REFUSED


async def test_a_wrong_password_burns_the_code_with_one_bind(
    authenticator: LDAPOTPAuthenticator, slapd: Slapd
) -> None:
    data, before = typed(USER), slapd.binds(USER)
    assert await turned_away(authenticator, data | {"password": "not-it"}) == words.REFUSED
    assert slapd.binds(USER) == before + 1
    assert await turned_away(authenticator, data) == words.REFUSED
    assert slapd.binds(USER) == before + 1


async def test_of_fifty_logins_with_one_code_one_succeeds(make_authenticator: MakeAuthenticator) -> None:
    doors = [make_authenticator(), make_authenticator()]
    data = typed(USER)
    attempts = [doors[each % 2].get_authenticated_user(browser(), data) for each in range(50)]
    results = await asyncio.gather(*attempts, return_exceptions=True)
    assert sum(isinstance(result, dict) for result in results) == 1
    # Some are refused, the others not looked at any more.
    assert {result.status_code for result in results if isinstance(result, HTTPError)} <= {403, 429}


@pytest.mark.parametrize(
    ("user", "changes", "reason"),
    [
        ("locked01", {}, "disabled"),
        ("nouse01", {}, "no_token"),  # has none in this store
        (USER, {"username": "nobody"}, "no_token"),
        (USER, {"username": "ghost01"}, "unknown_user"),  # has a token, and is not in the directory
        (USER, {"password": ""}, "password_syntax"),
        (USER, {"password": b"x" * 1025}, "password_syntax"),
        (USER, {"password": b"\xff\xfe"}, "password_syntax"),
        (USER, {"password": PASSWORDS[USER] + "\0"}, "password"),
        (USER, {"password": PASSWORDS[USER].replace("-", "\u00ad-", 1)}, "password"),  # a soft hyphen more
        (USER, {"username": "\u212aim"}, "name_syntax"),  # the Kelvin sign, which lower-cases to k
        (USER, {"username": "ａ1113a01"}, "name_syntax"),
        (USER, {"admin": "true"}, "form"),
        (USER, {"username": 5}, "form"),
        (USER, {"otp": None}, "form"),
        (USER, {"password": ["x"]}, "form"),
        (USER, {"username": b"\xff\xfe"}, "form"),
        (USER, {"password": "\ud800"}, "password_syntax"),
    ],
)
async def test_every_refusal_reads_the_same_and_is_noted_with_its_true_reason(
    authenticator: LDAPOTPAuthenticator,
    store: Store,
    caplog: pytest.LogCaptureFixture,
    user: str,
    changes: dict[str, Any],
    reason: str,
) -> None:
    store.tokens.put("ghost01", SEEDS[USER], now=time.time())
    assert await turned_away(authenticator, typed(user) | changes) == words.REFUSED
    assert f'"reason": "{reason}"' in caplog.messages[-1]


@pytest.mark.parametrize("data", [None, {}, USER, {"username": USER}, {"username": USER, "password": "x"}])
async def test_missing_fields_are_a_refusal_like_any_other(
    authenticator: LDAPOTPAuthenticator, data: Any
) -> None:
    assert await turned_away(authenticator, data) == words.REFUSED


INJECTIONS = [
    *("*", "a1113a0*", "a1113a01)(uid=*", "*)(objectClass=*", "a1113a01)(|(uid=*))", "(|(uid=*", "!(uid=x)"),
    *("a1113a01\\2a", "\\611113a01", "a1113a01,ou=people", "a1113a01,ou=people,dc=hpc,dc=example"),
    *(
        "uid=a1113a01",
        "#a1113a01",
        "a1113a01+cn=x",
        'a1113a01"',
        "a1113a01;x",
        "a1113a01 or 1=1",
        "a1113a01\0",
    ),
    *("a1113a01\n", "a1113a01/..", "..", ".", "", "%2a", "a1113a01&", "<b>", "{dn}", "{username}", "%s", "&"),
    *("#a1113a01", "a" * 33, "a" * 100_000),
]


@pytest.mark.parametrize("name", INJECTIONS, ids=lambda name: repr(name[:24]))
async def test_no_name_changes_the_question_to_the_directory(
    authenticator: LDAPOTPAuthenticator, store: Store, slapd: Slapd, name: str
) -> None:
    # Even with a token under that very name.
    store.tokens.put(name, SEEDS[USER], now=time.time())
    before = slapd.connections()
    assert await turned_away(authenticator, typed(USER) | {"username": name}) == words.REFUSED
    assert slapd.connections() == before


@pytest.mark.parametrize(
    "password",
    [b"nul\0inside", "soft\u00adhyphen".encode(), b"x" * 1024, "한글 비밀번호".encode()],
)
async def test_any_password_that_the_directory_takes_is_sent_unchanged(
    authenticator: LDAPOTPAuthenticator, slapd: Slapd, password: bytes
) -> None:
    def set_password(value: bytes) -> None:
        slapd.modify(
            f"dn: uid=a1113a03,ou=people,{SUFFIX}\nchangetype: modify\nreplace: userPassword\n"
            f"userPassword:: {base64.b64encode(value).decode()}\n"
        )

    set_password(password)
    try:
        assert await authenticator.get_authenticated_user(browser(), typed("a1113a03", password=password))
    finally:
        set_password(PASSWORDS["a1113a03"].encode())


async def test_who_is_in_no_allowed_group_is_refused_like_anybody_else(
    make_authenticator: MakeAuthenticator,
) -> None:
    door = make_authenticator(allowed_groups={"proj02"})
    assert await turned_away(door, typed(USER)) == words.REFUSED
    assert await door.get_authenticated_user(browser(), typed("a1113a03"))


async def test_a_blocked_user_is_refused_like_anybody_else(make_authenticator: MakeAuthenticator) -> None:
    assert await turned_away(make_authenticator(blocked_users={USER}), typed(USER)) == words.REFUSED


async def test_a_refusal_comes_in_the_language_of_the_page(authenticator: LDAPOTPAuthenticator) -> None:
    with pytest.raises(HTTPError) as answer:
        await authenticator.authenticate(browser("ko"), typed(USER, otp="000000"))
    assert answer.value.jupyterhub_message == texts.translate("ko", words.REFUSED)
    assert answer.value.jupyterhub_message != words.REFUSED


async def test_no_secret_and_no_line_break_reaches_the_log(
    authenticator: LDAPOTPAuthenticator, caplog: pytest.LogCaptureFixture, slapd: Slapd
) -> None:
    caplog.set_level("DEBUG")
    canary = "canary-5f3b"
    data = typed(USER)
    assert await authenticator.get_authenticated_user(browser(), data)
    await turned_away(authenticator, typed(USER, password=canary, otp=code_of(USER, later=1)))
    await turned_away(authenticator, typed(USER) | {"username": "evil\nname" + "y" * 99, "password": canary})
    service = directory.secrets(slapd.folder / "ldap").hub.read_text()
    for secret in (canary, PASSWORDS[USER], data["otp"], SEEDS[USER].secret, service):
        assert secret not in caplog.text
        assert secret not in slapd.log.read_text()
    lines = [record.getMessage() for record in caplog.records if "audit" in record.getMessage()]
    assert len(lines) == 3
    assert '"result": "success"' in lines[0]
    assert '"reason": "password"' in lines[1]
    assert '"user": "?"' in lines[2], "what cannot be a name may be a password"
    assert all("\n" not in line and '"address": "192.0.2.7"' in line for line in lines)


async def test_a_hundred_logins_leave_no_connection_behind(make_authenticator: MakeAuthenticator) -> None:
    patient = Config({"Throttle": {"account_failures": 90, "address_failures": 90}})
    door = make_authenticator(threads=4, config=patient)
    await turned_away(door, typed(USER, password="first"))
    before = open_descriptors()
    for user in ("a1113a02", "a1113a03", "hpcadmin"):
        await door.get_authenticated_user(browser(), typed(user))
    await asyncio.gather(*(turned_away(door, typed(USER, otp="000000")) for _ in range(50)))
    assert open_descriptors() <= before + 8  # the store's pool may have grown; nothing else


async def test_a_token_that_cannot_be_read_is_refused_like_a_wrong_code(
    authenticator: LDAPOTPAuthenticator, store: Store, tmp_path: Path
) -> None:
    with sqlite3.connect(tmp_path / "tokens.sqlite") as database:
        database.execute("update otp_tokens set secret = x'00' where user = ?", (USER,))
    assert await turned_away(authenticator, typed(USER)) == words.REFUSED


async def test_a_broken_store_lets_nobody_in_and_says_it_is_not_their_fault(
    authenticator: LDAPOTPAuthenticator, tmp_path: Path
) -> None:
    with sqlite3.connect(tmp_path / "tokens.sqlite") as database:
        database.execute("drop table otp_tokens")
    assert await turned_away(authenticator, typed(USER), status=503) == words.UNAVAILABLE


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"ca_file": ""}, "ca_file is not set"),
        ({"ca_file": "/nowhere/ca.pem"}, "is not there"),
        ({"server_uris": []}, "server_uris is empty"),
        ({"server_uris": ["ldap://ldap.example"], "unencrypted": True}, "all could read passwords"),
        ({"bind_dn": ""}, "bind_dn is not set"),
        ({"bind_password_file": "/nowhere/pw"}, "bind_password_file: /nowhere/pw cannot be read"),
        ({"key_file": "/nowhere/key"}, "key_file: /nowhere/key cannot be read"),
        ({"key_file": ""}, "key_file is not set"),
        ({"store_url": ""}, "store_url is not set"),
        ({"user_search_base": ""}, "user_search_base is not set"),
        ({"group_search_base": ""}, "there are no groups"),
        ({"allowed_groups": set()}, "nobody may log in"),
        ({"username_map": {"a": "b"}}, "username_map is set"),
        ({"login_timeout": 2}, "login_timeout"),
        ({"otp_window": 3}, "otp_window is 3; write 0, 1 or 2"),
        ({"otp_window": -1}, "otp_window is -1; write 0, 1 or 2"),
        ({"connect_timeout": 0}, "connect_timeout is 0"),
        ({"connect_timeout": 2.5}, "connect_timeout"),
        ({"server_uris": ["ldap.example"]}, "is not a server"),
        ({"server_uris": ["ldaps://me:pw@ldap.example"]}, "more than a host and a port"),
        ({"user_filter": "(uid=*)"}, "it needs {username}"),
        ({"user_filter": "(uid={password})"}, "it needs {username}"),
    ],
)
def test_unsafe_settings_keep_the_hub_from_starting(
    make_authenticator: MakeAuthenticator, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(TraitError) as refusal:
        make_authenticator(**changes)
    assert sentence in str(refusal.value)


def test_a_readable_key_keeps_the_hub_from_starting(
    make_authenticator: MakeAuthenticator, key_file: Path
) -> None:
    key_file.chmod(0o644)
    with pytest.raises(TraitError, match="chmod 600"):
        make_authenticator()


def test_the_key_of_another_store_keeps_the_hub_from_starting(
    make_authenticator: MakeAuthenticator, key_file: Path
) -> None:
    key_file.unlink()
    make_key_file(key_file)
    with pytest.raises(TraitError, match="is not this store's key"):
        make_authenticator()
