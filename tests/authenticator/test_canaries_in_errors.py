"""No error, repr or traceback of ours shows a secret."""

from __future__ import annotations

import base64
import dataclasses
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from authenticator.credentials import Credentials
from authenticator.errors import Unavailable
from authenticator.factors import Attempt, How, Proof
from authenticator.keys import Keys, load_keys, make_key_file
from authenticator.passcode import Seed
from authenticator.store import Store
from authenticator.workers import Deadline
from demo import directory
from hpchub.imports import parse_base32, parse_csv
from tests.authenticator.canaries import IMPORTED, WRONG, found_in
from tests.authenticator.kit import PASSWORDS, SEEDS, MakeAuthenticator, Slapd, code_of, typed


def reprs(thing: object, seen: set[int]) -> Iterator[str]:
    """Yield the repr of an object of ours, and of all of ours that it holds."""
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, dict | list | tuple | set | frozenset):
        yield from (
            shown
            for each in (thing.values() if isinstance(thing, dict) else thing)
            for shown in reprs(each, seen)
        )
    elif type(thing).__module__.partition(".")[0] == "authenticator":
        yield repr(thing) + str(thing)
        held = dict(getattr(thing, "__dict__", {}))
        if dataclasses.is_dataclass(thing):
            held |= {field.name: getattr(thing, field.name) for field in dataclasses.fields(thing)}
        yield from reprs(held, seen)


def test_no_repr_of_ours_shows_a_secret(
    make_authenticator: MakeAuthenticator, slapd: Slapd, tmp_path: Path
) -> None:
    login = make_authenticator()
    user = "a1113a01"
    canaries = {PASSWORDS[user], SEEDS[user].secret, *(tmp_path / "otp.key").read_text().split()}
    canaries |= {directory.secrets(slapd.folder / "ldap").hub.read_text().strip()}
    password = PASSWORDS[user].encode()
    canaries.add(code := code_of(user))
    person = login.directory.check(user, password, Deadline(5))
    pending = login.store.enrolments.begin(user, Seed(IMPORTED), how="otp", now=time.time())
    things: list[Any] = [
        login,
        person,
        Credentials.parse(typed(user)),
        Attempt(user, code, password, "192.0.2.7"),
        Proof(How.OTP, password),
        login.store.tokens.get(user),
        login.store.enrolments.pending(pending, now=time.time()),
        login.directory_settings(),
        load_keys(tmp_path / "otp.key"),
        parse_base32(f"user01 {SEEDS[user].secret}"),
    ]
    seen = list(reprs(things, set()))
    assert len(seen) > 20
    shown = "\n".join(seen).encode()
    assert found_in(shown, canaries | {pending, IMPORTED}) == []
    key = base64.b64decode((tmp_path / "otp.key").read_text())
    assert repr(key).encode() not in shown


Fails = Callable[[Path, Keys], object]


def broken_table(path: Path, keys: Keys) -> None:
    store = Store(f"sqlite:///{path / 'broken.sqlite'}", keys)
    with store.database.writing("a table too few") as session:
        session.execute(text("DROP TABLE otp_tokens"))
    store.tokens.put("user01", Seed(IMPORTED), now=time.time())


def other_key(path: Path, keys: Keys) -> None:
    url = f"sqlite:///{path / 'other.sqlite'}"
    Store(url, keys).tokens.put("user01", Seed(IMPORTED), now=time.time())
    Store(url, Keys(bytes(32))).tokens.get("user01")


def bad_key_file(path: Path, _keys: Keys) -> None:
    (path / "bad.key").touch(0o600)
    (path / "bad.key").write_text(WRONG)
    load_keys(path / "bad.key")


@pytest.mark.parametrize(
    "fails",
    [
        broken_table,
        other_key,
        bad_key_file,
        lambda _path, keys: Store(f"postgresql://hub:{WRONG}@127.0.0.1/store", keys),
        lambda _path, keys: Store(f"postgresql://hub@127.0.0.1:1/store?sslpassword={WRONG}", keys),
        lambda _path, keys: Store(WRONG, keys),
        lambda _path, _keys: Seed.from_text(WRONG),
        lambda _path, _keys: Seed.from_text(IMPORTED[:20]),
        lambda _path, _keys: parse_csv(f"user01,{IMPORTED}\n"),
        lambda _path, _keys: parse_csv(f'user,secret\nuser01,"{IMPORTED}\n'),
        lambda _path, _keys: Credentials.parse({"username": "a", "otp": WRONG, "password": [WRONG]}),
        lambda _path, _keys: Credentials.parse({"username": "a", "otp": WRONG, WRONG: "x"}),
        lambda _path, _keys: Credentials.parse({"username": f"\ud800{WRONG}", "otp": "1", "password": WRONG}),
    ],
)
def test_no_error_quotes_what_it_is_about(fails: Fails, tmp_path: Path) -> None:
    make_key_file(tmp_path / "otp.key")
    keys = load_keys(tmp_path / "otp.key")
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each has its own
        fails(tmp_path, keys)
    canaries = {WRONG, IMPORTED, IMPORTED[:20], (tmp_path / "otp.key").read_text().strip()}
    assert found_in("".join(traceback.format_exception(caught.value)).encode(), canaries) == []


def test_a_bad_line_of_an_import_is_not_repeated() -> None:
    parsed = parse_base32(f"{IMPORTED}\n{IMPORTED} user01\nuser01 {WRONG}\nuser02 {IMPORTED[:20]}\n")
    assert len(parsed.problems) == 4
    assert found_in(repr(parsed).encode(), {WRONG, IMPORTED, IMPORTED[:20]}) == []


def test_a_directory_that_refuses_the_service_account_is_told_of_without_its_password(
    make_authenticator: MakeAuthenticator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "service").touch(0o600)
    (tmp_path / "service").write_text(WRONG)
    login = make_authenticator(bind_password_file=str(tmp_path / "service"))
    with pytest.raises(Unavailable) as caught:
        login.directory.check("a1113a01", PASSWORDS["a1113a01"].encode(), Deadline(5))
    seen = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert found_in(seen.encode(), {WRONG, PASSWORDS["a1113a01"]}) == []
