"""The rules of waiting, as pure arithmetic: what a guesser gets and what an honest person pays."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authenticator.store.attempts import NOTHING, Counter
from authenticator.throttle.policy import IN_FLIGHT, AccountRule, AddressRule, from_the_future, steadied

ACCOUNT = AccountRule()
ADDRESS = AddressRule()
HOUR, DAY, YEAR = 3600.0, 86_400.0, 31_557_600.0

unhurried = settings(deadline=None, max_examples=60)
moments = st.floats(0, 4e9)
counters = st.builds(
    Counter,
    failures=st.integers(0, 200),
    level=st.integers(0, 200).map(float) | st.floats(0, 2000),
    last=st.floats(0, 4e9),
)


def account_after(failures: int, now: float = 1e9) -> Counter:
    """Return an account that failed as fast as it could, so many times, the last time at `now`."""
    counter = NOTHING
    for _ in range(failures):
        counter = ACCOUNT.reserved(Counter(counter.failures, counter.level, now), now)
    return counter


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [
        *[(0, 0), (4, 0), (5, 30), (6, 60), (7, 120), (8, 240), (9, 480), (10, 960), (11, 1920)],
        *[(12, 3600), (13, 3600), (99, 3600)],
    ],
)
def test_five_failures_are_free_then_the_wait_doubles_up_to_an_hour(failures: int, seconds: float) -> None:
    assert ACCOUNT.left(account_after(failures), 1e9) == seconds


def test_the_hundredth_failure_in_a_row_locks_for_good() -> None:
    assert ACCOUNT.left(account_after(99), 1e9 + HOUR) == 0
    assert ACCOUNT.left(account_after(100), 1e9 + HOUR) is None
    assert ACCOUNT.left(account_after(100), 1e9 + 10 * YEAR) is None


def test_a_wait_ends_to_the_second_and_not_before() -> None:
    assert ACCOUNT.left(account_after(5, now=1000.0), 1029.0) == 1
    assert ACCOUNT.left(account_after(5, now=1000.0), 1030.0) == 0


def test_free_failures_come_back_after_five_quiet_minutes() -> None:
    counter = ACCOUNT.reserved(account_after(4, now=1000.0), 1299.0)
    assert ACCOUNT.left(counter, 1299.0) == 30
    counter = ACCOUNT.reserved(account_after(4, now=1000.0), 1300.0)
    assert ACCOUNT.left(counter, 1300.0) == 0
    assert (counter.failures, counter.level) == (5, 1)


def test_the_wait_for_the_next_failure_shrinks_by_each_quiet_hour_and_no_faster() -> None:
    counter = account_after(12, now=0.0)  # waits one hour
    levels = [ACCOUNT.reserved(counter, HOUR + quiet * HOUR).level for quiet in (0, 0.99, 1, 2, 7, 8)]
    assert levels == [13, 13, 12, 11, 6, 1]
    assert ACCOUNT.reserved(counter, 9 * HOUR).failures == 13


def guesses(rule: AccountRule, until: float) -> int:
    """Return how many guesses somebody gets who tries whenever it is allowed."""
    counter, now, made = NOTHING, 0.0, 0
    while now < until and (left := rule.left(counter, now)) is not None:
        if left:
            now += left
        else:
            counter, made = rule.reserved(counter, now), made + 1
    return made


def test_a_patient_guesser_gets_few_guesses_and_in_the_end_none() -> None:
    assert guesses(ACCOUNT, HOUR) == 11
    assert guesses(ACCOUNT, DAY) < 40
    assert guesses(ACCOUNT, YEAR) == 100


@unhurried
@given(st.lists(st.floats(0, 2 * HOUR), min_size=150, max_size=150))
def test_no_rhythm_of_guessing_gets_more_than_a_hundred(pauses: list[float]) -> None:
    counter, now, made = NOTHING, 1e9, 0
    for pause in pauses:
        now += pause
        if ACCOUNT.left(counter, now) == 0:
            counter, made = ACCOUNT.reserved(counter, now), made + 1
    assert made == counter.failures <= 100


@unhurried
@given(st.lists(st.floats(0, 400), min_size=1, max_size=60))
def test_no_rhythm_gets_more_than_the_free_guesses_in_any_half_minute(pauses: list[float]) -> None:
    counter, moments_ = NOTHING, []
    for now in itertools.accumulate(pauses, initial=1e9):
        if ACCOUNT.left(counter, now) == 0:
            counter = ACCOUNT.reserved(counter, now)
            moments_.append(now)
    for first, sixth in zip(moments_, moments_[ACCOUNT.free :], strict=False):
        assert sixth - first >= ACCOUNT.first_wait - 1e-6


@unhurried
@given(counters, moments)
def test_an_account_never_waits_longer_than_the_longest_wait(counter: Counter, now: float) -> None:
    left = ACCOUNT.left(counter, now)
    assert left is None or 0 <= left <= ACCOUNT.longest_wait


@unhurried
@given(counters, moments, st.floats(0, 4e9))
def test_a_clock_set_back_opens_nothing_and_closes_nothing_for_long(
    counter: Counter, now: float, back: float
) -> None:
    before, after = ACCOUNT.left(counter, now), ACCOUNT.left(counter, now - back)
    assert (before is None) == (after is None)
    if before is not None and after is not None:
        assert after >= before
        steady = steadied(counter, now - back)
        later = now - back + ACCOUNT.longest_wait + 2  # two clocks apart
        assert ACCOUNT.left(steady, later) == pytest.approx(0, abs=1e-3)
    steady = steadied(counter, now - back)
    assert ADDRESS.left(counter, now - back) >= ADDRESS.left(counter, now)
    assert ADDRESS.left(steady, now - back + ADDRESS.window + 2) == pytest.approx(0, abs=1e-3)


def test_a_clock_a_little_apart_is_no_clock_set_back() -> None:
    assert not from_the_future(Counter(5, 5, 1001.0), 1000.0)
    assert from_the_future(Counter(5, 5, 1003.0), 1000.0)
    assert steadied(Counter(5, 5, 1003.0), 1000.0) == Counter(5, 5, 1000.0)


@unhurried
@given(st.integers(0, 99), st.floats(0, DAY))
def test_an_outage_leaves_everything_as_it_was(failures: int, quiet: float) -> None:
    counter = account_after(failures)
    now = counter.last + (ACCOUNT.left(counter, counter.last) or 0) + quiet
    back = ACCOUNT.given_back(ACCOUNT.reserved(counter, now), now + 15)
    assert back.failures == failures
    assert ACCOUNT.left(back, now + 15) == 0
    assert back.level <= counter.level
    # The next failure costs what it would have cost without the outage.
    assert ACCOUNT.reserved(back, now + 15).level <= ACCOUNT.reserved(counter, now).level


def test_outages_one_after_the_other_never_forgive_a_real_failure() -> None:
    counter, now = account_after(7), 1e9 + HOUR / 2
    for _ in range(50):
        counter = ACCOUNT.given_back(ACCOUNT.reserved(counter, now), now)
    assert (counter.failures, counter.level) == (7, 7)


def fail(counter: Counter, now: float) -> Counter:
    reserved = ADDRESS.reserved(counter, now)
    return Counter(0, reserved.level + 1 - IN_FLIGHT, now)


def test_an_address_gets_thirty_failures_at_once_and_one_more_every_ten_seconds() -> None:
    counter = NOTHING
    for _ in range(30):
        assert ADDRESS.left(counter, 1000.0) == 0
        counter = fail(counter, 1000.0)
    assert ADDRESS.left(counter, 1000.0) == 10
    assert ADDRESS.left(counter, 1010.0) == 0
    assert ADDRESS.left(fail(counter, 1010.0), 1010.0) == 10
    assert ADDRESS.debt(counter, 1300.0) == 0


@unhurried
@given(st.lists(st.floats(0, 30), min_size=300, max_size=300))
def test_no_rhythm_gets_more_than_the_limit_over_time(pauses: list[float]) -> None:
    counter, made, start, now = NOTHING, 0, 1e9, 1e9
    for pause in pauses:
        now += pause
        if ADDRESS.left(counter, now) == 0:
            counter, made = fail(counter, now), made + 1
        assert made <= 30 + (now - start) / 10 + 1e-3


def test_a_class_that_logs_in_at_the_same_second_gets_in_though_half_of_it_mistypes() -> None:
    counter = NOTHING
    for _ in range(20):
        counter = fail(counter, 1000.0)
    for _ in range(20):
        assert ADDRESS.left(counter, 1000.0) == 0
        counter = ADDRESS.reserved(counter, 1000.0)


def test_guesses_in_parallel_are_bounded_and_paid_for_afterwards() -> None:
    counter, flying = NOTHING, 0
    while ADDRESS.left(counter, 1000.0) == 0:
        counter, flying = ADDRESS.reserved(counter, 1000.0), flying + 1
    assert flying == 117
    all_failed = Counter(0, counter.level + flying * (1 - IN_FLIGHT), 1000.0)
    assert ADDRESS.left(all_failed, 1000.0) == ADDRESS.window


@unhurried
@given(counters, moments)
def test_an_address_never_waits_longer_than_the_window(counter: Counter, now: float) -> None:
    assert 0 <= ADDRESS.left(counter, now) <= ADDRESS.window + 1e-9
