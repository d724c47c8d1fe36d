"""What works once works once, however many try it at the same moment: threads, processes, both databases."""

import itertools
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Timer

from authenticator.keys import Keys
from authenticator.store import Store
from authenticator.store.opening import BUSY_SECONDS
from tests.authenticator.postgres import Postgres
from tests.authenticator.store.kit import (
    NOW,
    OTHER,
    SEED,
    STEP,
    USER,
    OtherHubs,
    at_once,
    code_at,
    token_of,
)


def test_of_fifty_logins_with_one_code_one_succeeds(store: Store) -> None:
    store.tokens.put(USER, SEED, now=NOW)
    token = token_of(store)
    assert at_once(lambda: store.tokens.claim(token.id, STEP, now=NOW), 50) == 1
    assert token_of(store).last_step == STEP


def test_of_fifty_logins_with_one_code_at_two_hubs_one_succeeds(
    other_hubs: OtherHubs, url: str, store: Store, keys: Keys
) -> None:
    store.tokens.put(USER, SEED, now=NOW)
    assert other_hubs(url, keys, "claim", token_of(store).id, threads=25) == 1
    assert not store.tokens.claim(token_of(store).id, STEP, now=NOW)


def test_a_recovery_code_lets_one_of_many_in(
    other_hubs: OtherHubs, url: str, store: Store, keys: Keys
) -> None:
    first, second, *_ = store.recovery.replace(USER, now=NOW)
    here, there = store.recovery.check(USER, first), store.recovery.check(USER, second)
    assert here is not None
    assert there is not None
    assert at_once(lambda: store.recovery.use(here, now=NOW), 50) == 1
    assert other_hubs(url, keys, "recovery", there, threads=25) == 1
    assert store.recovery.left(USER) == 8


def test_an_enrolment_is_confirmed_once(other_hubs: OtherHubs, url: str, store: Store, keys: Keys) -> None:
    def confirm() -> object:
        return store.enrolments.confirm(name, code_at(STEP), label="", window=1, now=NOW)

    name = store.enrolments.begin(USER, SEED, how="enrolment", now=NOW)
    assert at_once(confirm, 5) == 1
    name = store.enrolments.begin(USER, SEED, how="enrolment", now=NOW)
    assert other_hubs(url, keys, "confirm", name, threads=3) == 1
    assert store.recovery.left(USER) == 10


def test_many_guesses_at_once_are_no_more_than_the_tries(store: Store) -> None:
    def guess() -> object:
        return store.enrolments.confirm(name, "000000", label="", window=1, now=NOW)

    assert code_at(STEP) != "000000"
    name = store.enrolments.begin(USER, SEED, how="enrolment", now=NOW)
    assert at_once(guess, 30) == 0
    assert store.enrolments.pending(name, now=NOW) is None
    assert store.enrolments.confirm(name, code_at(STEP), label="", window=1, now=NOW) is None


def test_changes_to_one_user_at_once_leave_one_token_and_ten_codes(store: Store) -> None:
    def change(number: int) -> None:
        store.tokens.put(USER, (SEED, OTHER)[number % 2], now=NOW)
        store.enrolments.issue(USER, by="admin", now=NOW)
        store.enrolments.begin(USER, SEED, how="replace", now=NOW)
        store.notices.add(USER, "replaced", by="admin", now=NOW)
        store.recovery.replace(USER, now=NOW)

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(change, range(10)))
    assert len(store.tokens.listing()) == 1
    assert store.recovery.left(USER) == 10
    assert len(store.notices.unseen(USER)) == 10


def test_what_was_used_is_still_used_after_a_restart(url: str, keys: Keys) -> None:
    store = Store(url, keys)
    store.tokens.put(USER, SEED, now=NOW)
    assert store.tokens.claim(token_of(store).id, STEP, now=NOW)
    store.close()
    again = Store(url, keys)
    assert not again.tokens.claim(token_of(again).id, STEP, now=NOW)
    again.close()


def test_a_restart_of_postgresql_is_no_more_than_a_pause(
    postgres: Postgres, postgres_url: str, keys: Keys
) -> None:
    store = Store(postgres_url, keys)
    store.tokens.put(USER, SEED, now=NOW)
    assert store.tokens.claim(token_of(store).id, STEP, now=NOW)
    postgres.stop()
    postgres.start()
    assert not store.tokens.claim(token_of(store).id, STEP, now=NOW)
    assert store.tokens.claim(token_of(store).id, STEP + 1, now=NOW)
    store.close()


def test_hubs_that_start_together_make_the_store_once(
    other_hubs: OtherHubs, empty_url: str, keys: Keys
) -> None:
    assert other_hubs(empty_url, keys, "open", threads=3) == 6


def test_new_files_are_made_once_every_time(other_hubs: OtherHubs, tmp_path: Path, keys: Keys) -> None:
    # SQLite refuses one of two that begin its log at once, about one time in three with six of them.
    for number in range(8):
        assert other_hubs(f"sqlite:///{tmp_path / f'{number}.sqlite'}", keys, "open", threads=3) == 6


def test_a_store_that_somebody_changes_for_long_is_waited_for(tmp_path: Path, keys: Keys) -> None:
    path = tmp_path / "t.sqlite"
    path.touch(mode=0o600)
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    timer = Timer(BUSY_SECONDS + 1, other.close)
    timer.start()
    Store(f"sqlite:///{path}", keys).close()
    timer.join()


def test_threads_that_open_new_files_together_all_get_theirs(tmp_path: Path, keys: Keys) -> None:
    numbers = itertools.count()

    def opens() -> bool:
        store = Store(f"sqlite:///{tmp_path / f'{next(numbers) % 2}.sqlite'}", keys)
        listed = store.tokens.listing() == []
        store.close()
        return listed

    assert at_once(opens, 8) == 8
