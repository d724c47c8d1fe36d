"""The token store: a code is used once, whoever tries it, and nobody reads a seed from the file."""

import base64
import os
import secrets
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from authenticator.keys import KeyFileError, Keys, load_keys, make_key_file
from authenticator.passcode import Seed
from authenticator.store import StoreError, TokenStore, UnreadableTokenError

SEED = Seed("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
OTHER = Seed("KRUGKIDROVUWG2ZAMJZG653OEBTG66BA")


@pytest.fixture
def keys() -> Keys:
    return Keys(secrets.token_bytes(32))


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 't.sqlite'}"


@pytest.fixture
def tokens(url: str, keys: Keys) -> Iterator[TokenStore]:
    opened = TokenStore(url, keys)
    opened.set_token("a1113a01", SEED, now=1000)
    yield opened
    opened.close()


def held(store: TokenStore, user: str = "a1113a01") -> tuple[str, int]:
    token = store.token(user)
    assert token is not None
    return token.id, token.last_step


def test_a_step_can_be_used_once_and_no_older_one_afterwards(tokens: TokenStore) -> None:
    token_id, _ = held(tokens)
    assert tokens.claim(token_id, 50)
    assert not tokens.claim(token_id, 50)
    assert not tokens.claim(token_id, 49)
    assert tokens.claim(token_id, 51)


def test_of_fifty_at_once_exactly_one_succeeds(tokens: TokenStore) -> None:
    token_id, _ = held(tokens)
    with ThreadPoolExecutor(50) as pool:
        results = list(pool.map(lambda _: tokens.claim(token_id, 77), range(50)))
    assert results.count(True) == 1


CLAIM = """
import sys, base64
from authenticator.keys import Keys
from authenticator.store import TokenStore
store = TokenStore(sys.argv[1], Keys(base64.b64decode(sys.stdin.readline())))
token = store.token("a1113a01")
print(sum(store.claim(token.id, step) for step in range(100, 140)))
"""


def test_two_processes_share_what_was_used(tokens: TokenStore, url: str, keys: Keys) -> None:
    key = base64.b64encode(keys.current) + b"\n"
    command = [sys.executable, "-c", CLAIM, url]
    running = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)]
    claimed = [int(each.communicate(key, timeout=30)[0]) for each in running]
    assert 1 <= sum(claimed) <= 40
    assert held(tokens)[1] == 139
    assert not tokens.claim(held(tokens)[0], 139)


def test_what_was_used_is_still_used_after_a_restart(tokens: TokenStore, url: str, keys: Keys) -> None:
    assert tokens.claim(held(tokens)[0], 60)
    tokens.close()
    again = TokenStore(url, keys)
    assert not again.claim(held(again)[0], 60)
    again.close()


def test_setting_the_same_seed_again_does_not_revive_a_used_code(tokens: TokenStore) -> None:
    assert tokens.claim(held(tokens)[0], 60)
    assert not tokens.set_token("a1113a01", SEED, now=2000)
    assert held(tokens)[1] == 60


def test_changing_the_seed_to_and_fro_does_not_revive_a_used_code(tokens: TokenStore) -> None:
    now = 60 * 30.0
    assert tokens.claim(held(tokens)[0], 60)
    assert tokens.set_token("a1113a01", OTHER, now=now)
    assert tokens.set_token("a1113a01", SEED, now=now)
    assert not tokens.claim(held(tokens)[0], 60)
    assert tokens.claim(held(tokens)[0], 61)


def test_a_new_seed_frees_a_token_that_a_wrong_clock_had_used_up(tokens: TokenStore) -> None:
    assert tokens.claim(held(tokens)[0], 10**9)
    tokens.set_token("a1113a01", OTHER, now=60 * 30.0)
    assert tokens.claim(held(tokens)[0], 61)


def test_the_seed_is_nowhere_in_the_files(tokens: TokenStore, tmp_path: Path) -> None:
    token = tokens.token("a1113a01")
    assert token is not None
    assert token.seed == SEED
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"a1113a01" in content
    assert SEED.secret.encode() not in content
    assert base64.b32decode(SEED.secret) not in content


def test_nobody_else_may_read_the_files(tokens: TokenStore, tmp_path: Path) -> None:
    tokens.claim(held(tokens)[0], 5)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {0o600}


def test_a_token_copied_to_another_user_does_not_open(tokens: TokenStore, tmp_path: Path) -> None:
    tokens.set_token("mallory", OTHER, now=0)
    with sqlite3.connect(tmp_path / "t.sqlite") as database:
        database.execute(
            "update otp_tokens set secret = (select secret from otp_tokens where user = 'mallory')"
            " where user = 'a1113a01'"
        )
    with pytest.raises(UnreadableTokenError):
        tokens.token("a1113a01")


def test_the_previous_key_still_opens_and_the_next_save_uses_the_current(url: str, keys: Keys) -> None:
    TokenStore(url, keys).set_token("a1113a01", SEED, now=0)
    newer = Keys(secrets.token_bytes(32), previous=keys.current)
    rotated = TokenStore(url, newer)
    assert rotated.unreadable() == (0, 1)
    rotated.set_token("a1113a01", SEED, now=0)
    assert TokenStore(url, Keys(newer.current)).unreadable() == (0, 1)
    assert TokenStore(url, keys).unreadable() == (1, 1)


def test_a_readable_database_is_refused(url: str, keys: Keys, tmp_path: Path) -> None:
    (tmp_path / "t.sqlite").touch(0o644)
    with pytest.raises(StoreError, match="chmod 600"):
        TokenStore(url, keys)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_store_that_forgets_is_refused(url: str, keys: Keys) -> None:
    with pytest.raises(StoreError, match="needs a file"):
        TokenStore(url, keys)


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


def test_the_listing_shows_use_and_no_secret(tokens: TokenStore) -> None:
    now = time.time()
    tokens.claim(held(tokens)[0], int(now) // 30)
    (entry,) = tokens.listing()
    assert entry.user == "a1113a01"
    assert entry.last_used is not None
    assert abs(entry.last_used.timestamp() - now) <= 30
    assert SEED.secret not in repr(entry)
