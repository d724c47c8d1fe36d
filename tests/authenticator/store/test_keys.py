"""Keys: who may read the file, what each key opens, and how one key takes the place of another."""

import base64
import os
import secrets
from pathlib import Path

import pytest
from sqlalchemy import select, update

from authenticator.keys import KeyFileError, Keys, load_keys, make_key_file
from authenticator.store import Store, UnreadableTokenError
from authenticator.store.schema import PendingRow, TokenRow
from tests.authenticator.store.kit import NOW, OTHER, SEED, STEP, USER, code_at, token_of


@pytest.fixture
def newer(keys: Keys) -> Keys:
    return Keys(secrets.token_bytes(32), previous=keys.current)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_readable_key_file_is_refused(tmp_path: Path, mode: int) -> None:
    make_key_file(tmp_path / "key")
    (tmp_path / "key").chmod(mode)
    with pytest.raises(KeyFileError, match=f"mode {mode:04o}"):
        load_keys(tmp_path / "key")


@pytest.mark.parametrize("content", ["", "short\n", "%%%\n", "A\nB\nC\n"])
def test_a_key_file_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "key"
    path.touch(0o600)
    path.write_text(content)
    with pytest.raises(KeyFileError, match=str(path)):
        load_keys(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_key_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    make_key_file(tmp_path / "key")
    os.chown(tmp_path / "key", 12345, 12345)
    with pytest.raises(KeyFileError, match="belongs to uid 12345"):
        load_keys(tmp_path / "key")


def test_a_key_file_is_never_overwritten(tmp_path: Path) -> None:
    make_key_file(tmp_path / "key")
    before = (tmp_path / "key").read_text()
    with pytest.raises(KeyFileError, match="not overwritten"):
        make_key_file(tmp_path / "key")
    assert (tmp_path / "key").read_text() == before


def test_the_previous_key_still_opens_and_the_next_save_uses_the_current(
    url: str, keys: Keys, newer: Keys
) -> None:
    old = Store(url, keys)
    old.tokens.put(USER, SEED, now=NOW)
    rotated = Store(url, newer)
    assert rotated.tokens.unreadable() == (0, 1)
    rotated.tokens.put(USER, SEED, now=NOW)
    only = Store(url, Keys(newer.current))
    assert only.tokens.unreadable() == (0, 1)
    assert old.tokens.unreadable() == (1, 1)
    with pytest.raises(UnreadableTokenError, match="which we do not have"):
        old.tokens.get(USER)
    for store in (old, rotated, only):
        store.close()


def test_after_a_change_of_key_nothing_needs_the_previous_one(url: str, keys: Keys, newer: Keys) -> None:
    old = Store(url, keys)
    for number in range(210):
        old.tokens.put(f"user{number}", SEED, now=NOW)
    old.enrolments.begin("user0", OTHER, how="replace", now=NOW)
    old.close()
    rotated = Store(url, newer)
    assert rotated.tokens.reseal() == 211
    assert rotated.tokens.reseal() == 0
    rotated.close()
    only = Store(url, Keys(newer.current))
    assert only.tokens.unreadable() == (0, 210)
    assert token_of(only, "user7").seed == SEED
    with only.database.reading() as session:
        assert set(session.scalars(select(PendingRow.key_id))) == {only.database.key_id}
    only.close()


def test_a_code_and_an_open_page_outlive_a_change_of_key(url: str, keys: Keys, newer: Keys) -> None:
    old = Store(url, keys)
    code = old.enrolments.issue(USER, by="admin", now=NOW)
    name = old.enrolments.begin(USER, SEED, how="enrolment", now=NOW)
    recovery, *_ = old.recovery.replace("other001", now=NOW)
    old.close()
    rotated = Store(url, newer)
    rotated.tokens.reseal()
    assert rotated.enrolments.valid(USER, code, now=NOW)
    assert rotated.enrolments.pending(name, now=NOW)
    assert rotated.enrolments.confirm(name, code_at(STEP), label="", window=1, now=NOW)
    assert rotated.recovery.check("other001", recovery)
    rotated.close()


def test_what_no_key_opens_stays_as_it_is(url: str, keys: Keys, newer: Keys) -> None:
    strange = Store(url, Keys(secrets.token_bytes(32)))
    strange.tokens.put("lost0001", SEED, now=NOW)
    pending = strange.enrolments.begin("lost0001", SEED, how="replace", now=NOW)
    rotated = Store(url, newer)
    rotated.tokens.put(USER, SEED, now=NOW)
    assert rotated.tokens.reseal() == 0
    assert rotated.tokens.unreadable() == (1, 2)
    assert rotated.enrolments.pending(pending, now=NOW) is None
    assert token_of(strange, "lost0001").seed == SEED
    # An administrator can still replace it, or take it away.
    assert rotated.tokens.put("lost0001", OTHER, now=NOW)
    assert token_of(rotated, "lost0001").seed == OTHER
    for store in (strange, rotated):
        store.close()


@pytest.mark.parametrize("column", ["secret", "user", "id"])
def test_a_token_copied_to_another_user_does_not_open(store: Store, column: str) -> None:
    store.tokens.put(USER, SEED, now=NOW)
    store.tokens.put("mallory1", OTHER, now=NOW)
    mallory = token_of(store, "mallory1")
    with store.database.writing() as session:
        if column == "secret":
            mine = select(TokenRow.secret).where(TokenRow.user == "mallory1").scalar_subquery()
            session.execute(update(TokenRow).where(TokenRow.user == USER).values(secret=mine))
        elif column == "user":
            session.execute(update(TokenRow).where(TokenRow.user == USER).values(user="was"))
            session.execute(update(TokenRow).where(TokenRow.id == mallory.id).values(user=USER))
        else:
            session.execute(update(TokenRow).where(TokenRow.user == USER).values(id="0" * 32))
    with pytest.raises(UnreadableTokenError, match="altered, or belongs to another"):
        store.tokens.get(USER)


@pytest.mark.parametrize("sealed", [b"", b"short", bytes(60)])
def test_a_damaged_token_is_a_refusal_and_no_crash(store: Store, sealed: bytes) -> None:
    store.tokens.put(USER, SEED, now=NOW)
    with store.database.writing() as session:
        session.execute(update(TokenRow).values(secret=sealed))
    with pytest.raises(UnreadableTokenError):
        store.tokens.get(USER)
    assert store.tokens.unreadable() == (1, 1)


def test_digests_say_nothing_of_each_other(store: Store, keys: Keys, newer: Keys, url: str) -> None:
    database = store.database
    made = {database.digest(purpose, word) for purpose in ("a", "b") for word in ("x", "y")}
    assert len(made) == 4
    assert database.digests("a", "x") == (database.digest("a", "x"),)
    rotated = Store(url, newer)
    assert rotated.database.digests("a", "x") == (
        rotated.database.digest("a", "x"),
        database.digest("a", "x"),
    )
    rotated.close()


def test_a_key_does_not_show_itself(keys: Keys) -> None:
    shown = repr(Keys(keys.current, previous=keys.current))
    assert repr(keys.current) not in shown
    assert base64.b64encode(keys.current).decode() not in shown
