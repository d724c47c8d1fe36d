"""Recovery codes: ten, each once, for their owner alone."""

import re

from authenticator.store import Store
from tests.authenticator.store.kit import NOW, USER


def test_ten_codes_are_made_that_can_be_copied_by_hand(store: Store) -> None:
    codes = store.recovery.replace(USER, now=NOW)
    assert len(set(codes)) == 10
    assert all(re.fullmatch(r"[A-Z2-7]{4}(-[A-Z2-7]{4}){3}", code) for code in codes)
    assert store.recovery.left(USER) == 10
    found = {store.recovery.check(USER, typed) for typed in (codes[3], codes[3].lower().replace("-", " "))}
    assert len(found) == 1
    assert None not in found


def test_a_code_is_used_once_and_looking_at_it_is_no_use(store: Store) -> None:
    first, second, *_ = store.recovery.replace(USER, now=NOW)
    found = store.recovery.check(USER, first)
    assert found is not None
    assert store.recovery.check(USER, first) == found
    assert store.recovery.use(found, now=NOW)
    assert not store.recovery.use(found, now=NOW)
    assert store.recovery.check(USER, first) is None
    assert store.recovery.check(USER, second) not in {None, found}
    assert store.recovery.left(USER) == 9


def test_a_code_is_of_no_use_to_somebody_else(store: Store) -> None:
    code, *_ = store.recovery.replace(USER, now=NOW)
    store.recovery.replace("mallory1", now=NOW)
    assert store.recovery.check("mallory1", code) is None
    assert store.recovery.check("nobody01", code) is None
    assert store.recovery.check(USER, "AAAA-AAAA-AAAA-AAAA") is None
    assert store.recovery.check(USER, "\ud800 \0") is None


def test_new_codes_make_the_old_ones_void(store: Store) -> None:
    old, other, *_ = store.recovery.replace(USER, now=NOW)
    held = store.recovery.check(USER, other)
    assert held is not None
    new, *_ = store.recovery.replace(USER, now=NOW)
    assert store.recovery.check(USER, old) is None
    assert not store.recovery.use(held, now=NOW)
    assert store.recovery.check(USER, new)
    store.recovery.remove(USER)
    assert store.recovery.left(USER) == 0
