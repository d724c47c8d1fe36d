"""Tokens: a code is used once whatever the clocks do, and what an administrator disabled stays so."""

import pytest

from authenticator.store import RECOVERED, Store
from tests.authenticator.store.kit import NOW, OTHER, SEED, STEP, USER, token_of


@pytest.fixture(autouse=True)
def _token(store: Store) -> None:
    store.tokens.put(USER, SEED, now=NOW, label="phone")


def claim(store: Store, step: int, *, drift: int | None = None, now: float = NOW) -> bool:
    return store.tokens.claim(token_of(store).id, step, drift=drift, now=now)


def test_a_step_can_be_used_once_and_no_older_one_afterwards(store: Store) -> None:
    assert claim(store, 50)
    assert not claim(store, 50)
    assert not claim(store, 49)
    assert claim(store, 51)


def test_a_clock_that_is_set_back_revives_no_code(store: Store) -> None:
    assert claim(store, STEP)
    assert not claim(store, STEP, now=NOW - 86400)
    assert not claim(store, STEP - 2880, now=NOW - 86400)
    token = token_of(store)
    assert not store.tokens.resync(token.id, STEP, -7, NOW)
    assert token_of(store).drift == 0


def test_setting_the_same_seed_again_does_not_revive_a_used_code(store: Store) -> None:
    assert claim(store, STEP)
    before = token_of(store)
    assert not store.tokens.put(USER, SEED, now=NOW + 900)
    assert token_of(store) == before


def test_changing_the_seed_to_and_fro_does_not_revive_a_used_code(store: Store) -> None:
    assert claim(store, STEP)
    assert store.tokens.put(USER, OTHER, now=NOW)
    assert store.tokens.put(USER, SEED, now=NOW)
    assert not claim(store, STEP)
    assert claim(store, STEP + 1)


def test_a_new_seed_frees_a_token_that_a_wrong_clock_had_used_up(store: Store) -> None:
    assert claim(store, 10**9)
    store.tokens.put(USER, OTHER, now=NOW)
    assert claim(store, STEP + 1)


def test_a_code_that_confirmed_a_new_seed_is_used_up(store: Store) -> None:
    store.tokens.put(USER, OTHER, now=NOW, last_step=STEP)
    assert not claim(store, STEP)
    assert claim(store, STEP + 1)


def test_a_drifting_clock_is_followed_so_far_from_the_last_resynchronisation(store: Store) -> None:
    seen = []
    for step, drift in enumerate((1, 4, 5, 6, 90, -3, -5, -90), start=STEP):
        assert claim(store, step, drift=drift)
        seen.append(token_of(store).drift)
    assert seen == [1, 4, 5, 5, 5, -3, -5, -5]
    assert store.tokens.resync(token_of(store).id, STEP + 100, 17, NOW)
    assert claim(store, STEP + 101, drift=30)
    assert (token_of(store).drift, token_of(store).drift_base) == (22, 17)
    assert claim(store, STEP + 102)
    assert token_of(store).drift == 22


def test_a_disabled_token_takes_no_code_until_it_is_enabled(store: Store) -> None:
    assert store.tokens.disable(USER, why="left the project")
    assert token_of(store).disabled
    assert store.tokens.disabled_why(USER) == "left the project"
    assert not claim(store, STEP)
    assert not store.tokens.resync(token_of(store).id, STEP, 3, NOW)
    assert store.tokens.enable(USER)
    assert not store.tokens.enable(USER)
    assert store.tokens.disabled_why(USER) is None
    assert claim(store, STEP)


def test_no_new_seed_gets_round_an_administrator_who_disabled_the_token(store: Store) -> None:
    store.tokens.disable(USER, why="administrator")
    store.tokens.put(USER, OTHER, now=NOW)
    assert token_of(store).disabled
    store.tokens.put(USER, OTHER, now=NOW)
    assert token_of(store).disabled


def test_a_new_seed_ends_the_pause_after_a_recovery_code(store: Store) -> None:
    store.tokens.disable(USER, why=RECOVERED)
    store.tokens.put(USER, OTHER, now=NOW)
    assert not token_of(store).disabled


def test_the_listing_shows_use_and_no_secret(store: Store) -> None:
    claim(store, STEP, now=NOW + 5)
    store.tokens.put("unused01", OTHER, now=NOW)
    store.tokens.disable("unused01", why="lost")
    first, second = store.tokens.listing()
    assert (first.user, first.label, first.disabled, first.why) == (USER, "phone", False, "")
    assert first.created.timestamp() == NOW
    assert first.last_used is not None
    assert first.last_used.timestamp() == NOW + 5
    assert (second.user, second.last_used, second.disabled, second.why) == ("unused01", None, True, "lost")
    assert SEED.secret not in repr((first, second, token_of(store)))
    assert store.tokens.find("unused01") == second


def test_a_token_that_is_removed_is_gone(store: Store) -> None:
    assert store.tokens.has(USER)
    assert store.tokens.remove(USER)
    assert not store.tokens.remove(USER)
    assert not store.tokens.has(USER)
    assert store.tokens.get(USER) is None
    assert store.tokens.find(USER) is None
    assert not store.tokens.disable(USER, why="x")
    assert store.tokens.disabled_why(USER) is None


def test_a_device_may_get_a_name_later(store: Store) -> None:
    store.tokens.put(USER, SEED, now=NOW, label="tablet")
    assert token_of(store).label == "tablet"
    store.tokens.put(USER, SEED, now=NOW)
    assert token_of(store).label == "tablet"
