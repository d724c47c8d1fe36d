"""Enrolment: a code from the administrator, a seed until its owner confirms it, and nothing half done."""

import re

import pytest
from sqlalchemy import func, select

from authenticator.store import Pending, Store
from authenticator.store.schema import EnrolmentRow, PendingRow
from tests.authenticator.store.kit import NOW, OTHER, SEED, STEP, USER, code_at, token_of

DAY = 24 * 3600


def begun(store: Store) -> str:
    return store.enrolments.begin(USER, SEED, how="enrolment", now=NOW)


def confirm(
    store: Store, name: str, code: str = code_at(STEP), *, now: float = NOW
) -> tuple[str, ...] | None:
    return store.enrolments.confirm(name, code, label="phone", window=1, now=now)


def waiting(store: Store, name: str, *, now: float = NOW) -> Pending | None:
    return store.enrolments.pending(name, now=now)


def test_the_code_is_good_for_its_user_for_a_day(store: Store) -> None:
    code = store.enrolments.issue(USER, by="admin", now=NOW)
    assert re.fullmatch(r"[A-Z2-7]{5}(-[A-Z2-7]{5}){3}", code)
    assert store.enrolments.valid(USER, code, now=NOW + DAY - 1)
    assert store.enrolments.valid(USER, code.lower().replace("-", " "), now=NOW)
    assert not store.enrolments.valid(USER, code, now=NOW + DAY)
    assert not store.enrolments.valid("mallory1", code, now=NOW)
    assert not store.enrolments.valid(USER, code[:-1], now=NOW)
    until = store.enrolments.issued(USER, now=NOW)
    assert until is not None
    assert until.timestamp() == NOW + DAY
    assert store.enrolments.issued(USER, now=NOW + DAY) is None


def test_a_new_code_takes_the_place_of_the_old_one_and_of_what_that_began(store: Store) -> None:
    old = store.enrolments.issue(USER, by="admin", now=NOW)
    name = begun(store)
    new = store.enrolments.issue(USER, by="admin", now=NOW, hours=1)
    assert not store.enrolments.valid(USER, old, now=NOW)
    assert store.enrolments.valid(USER, new, now=NOW)
    assert waiting(store, name) is None
    assert confirm(store, name) is None


def test_a_code_can_be_withdrawn(store: Store) -> None:
    code = store.enrolments.issue(USER, by="admin", now=NOW)
    name = begun(store)
    store.enrolments.withdraw(USER)
    assert not store.enrolments.valid(USER, code, now=NOW)
    assert store.enrolments.issued(USER, now=NOW) is None
    assert confirm(store, name) is None
    assert store.tokens.get(USER) is None


def test_confirming_sets_token_and_recovery_codes_and_ends_the_code(store: Store) -> None:
    code = store.enrolments.issue(USER, by="admin", now=NOW)
    name = begun(store)
    assert store.enrolments.valid(USER, code, now=NOW)
    codes = confirm(store, name)
    assert codes is not None
    assert len(codes) == 10
    assert all(store.recovery.check(USER, each) for each in codes[:2])
    token = token_of(store)
    assert (token.seed, token.label, token.drift) == (SEED, "phone", 0)
    assert not store.enrolments.valid(USER, code, now=NOW)
    assert waiting(store, name) is None
    assert confirm(store, name) is None


@pytest.mark.parametrize("step", [STEP - 1, STEP, STEP + 1])
def test_the_code_that_confirms_is_used_up(store: Store, step: int) -> None:
    assert confirm(store, begun(store), code_at(step))
    assert not store.tokens.claim(token_of(store).id, step, now=NOW)
    assert store.tokens.claim(token_of(store).id, step + 1, now=NOW)


@pytest.mark.parametrize(
    "code", [code_at(STEP + 2), code_at(STEP, OTHER), "", "١٢٣٤٥٦", "\ud800", "1" * 9999]
)
def test_a_wrong_code_costs_a_try_and_changes_nothing(store: Store, code: str) -> None:
    issued, name = store.enrolments.issue(USER, by="admin", now=NOW), begun(store)
    assert confirm(store, name, code) is None
    found = waiting(store, name)
    assert found is not None
    assert (found.user, found.seed, found.how, found.tries_left) == (USER, SEED, "enrolment", 9)
    assert found.expires.timestamp() == NOW + 900
    assert SEED.secret not in repr(found)
    assert store.tokens.get(USER) is None
    assert store.enrolments.valid(USER, issued, now=NOW)


def test_after_ten_wrong_codes_the_right_one_is_too_late(store: Store) -> None:
    name = begun(store)
    for _ in range(9):
        assert confirm(store, name, "000000") is None
    assert waiting(store, name) is not None
    assert confirm(store, name, "000000") is None
    assert waiting(store, name) is None
    assert confirm(store, name) is None


def test_the_tenth_try_still_counts(store: Store) -> None:
    name = begun(store)
    for _ in range(9):
        confirm(store, name, "000000")
    assert confirm(store, name)


def test_a_quarter_of_an_hour_is_the_time_there_is(store: Store) -> None:
    name = begun(store)
    late = NOW + 900
    assert waiting(store, name, now=late - 1)
    assert waiting(store, name, now=late) is None
    assert confirm(store, name, code_at(late // 30), now=late) is None


def test_who_begins_again_makes_the_first_page_void(store: Store) -> None:
    first, second = begun(store), begun(store)
    assert waiting(store, first) is None
    assert confirm(store, first) is None
    assert confirm(store, second)


def test_a_made_up_name_opens_nothing(store: Store) -> None:
    begun(store)
    for name in ("", "x" * 43, "\ud800", USER):
        assert waiting(store, name) is None
        assert confirm(store, name) is None


@pytest.mark.parametrize("end", ["disable", "remove"])
def test_an_administrator_ends_what_waits(store: Store, end: str) -> None:
    store.tokens.put(USER, OTHER, now=NOW)
    name = begun(store)
    if end == "disable":
        store.tokens.disable(USER, why="administrator")
    else:
        store.tokens.remove(USER)
    assert confirm(store, name) is None


def test_an_exchange_keeps_the_old_token_until_the_new_one_is_confirmed(store: Store) -> None:
    store.tokens.put(USER, OTHER, now=NOW)
    store.tokens.claim(token_of(store).id, STEP, now=NOW)
    name = begun(store)
    assert token_of(store).seed == OTHER
    assert confirm(store, name, code_at(STEP - 1))
    assert token_of(store).seed == SEED
    assert token_of(store).last_step == STEP


def test_what_nobody_finished_is_cleaned_up_by_the_next(store: Store) -> None:
    for number in range(5):
        store.enrolments.issue(f"user{number}", by="admin", now=NOW)
        store.enrolments.begin(f"user{number}", SEED, how="enrolment", now=NOW)
    store.enrolments.begin(USER, SEED, how="enrolment", now=NOW + DAY)
    with store.database.reading() as session:
        assert session.scalar(select(func.count(EnrolmentRow.user))) == 0
        assert session.scalar(select(func.count(PendingRow.user))) == 1
