"""Our own second factor: what becomes of each kind of code, right and wrong."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from authenticator.errors import Refused
from authenticator.factors import Attempt, How
from authenticator.factors.tokens import TokenFactor
from authenticator.keys import load_keys
from authenticator.passcode import Seed, make_secret, step_at
from authenticator.store import RECOVERED, Store
from authenticator.workers import Deadline

USER = "a1113a01"
SEED = Seed(make_secret())
NOON = 1_790_000_010.0


class Clock:
    """A clock that stands where the test puts it."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def opened(tmp_path: Path, key_file: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'tokens.sqlite'}", load_keys(key_file))
    store.tokens.put(USER, SEED, now=NOON - 1000)
    yield store
    store.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def factor(opened: Store, clock: Clock) -> TokenFactor:
    return TokenFactor(store=opened, window=1, log=logging.getLogger("hpchub.test"), clock=clock)


def code_at(now: float, offset: int = 0) -> str:
    return SEED.generator().generate_otp(step_at(SEED, now) + offset)


def attempt(code: str, name: str = USER) -> Attempt:
    return Attempt(name, code, b"spring-river-41", "192.0.2.7")


def refusal(factor: TokenFactor, code: str, name: str = USER) -> str:
    with pytest.raises(Refused) as refused:
        factor.check(attempt(code, name), Deadline(5))
    return refused.value.reason


def test_a_code_lets_in_once(factor: TokenFactor) -> None:
    proof = factor.check(attempt(code_at(NOON)), Deadline(5))
    assert (proof.how, proof.password) == (How.OTP, b"spring-river-41")
    assert refusal(factor, code_at(NOON)) == "otp_used"


def test_somebody_without_a_token_is_refused(factor: TokenFactor) -> None:
    assert refusal(factor, "123456", "a1113a09") == "no_token"


def test_a_token_that_an_administrator_disabled_takes_no_code_of_any_kind(
    factor: TokenFactor, opened: Store
) -> None:
    codes = opened.recovery.replace(USER, now=NOON)
    enrolment = opened.enrolments.issue(USER, by="hpcadmin", now=NOON)
    opened.tokens.disable(USER, why="left the project")
    for code in (code_at(NOON), codes[0], enrolment):
        assert refusal(factor, code) == "token_disabled"


def test_a_recovery_code_lets_in_once_and_ends_the_lost_device(factor: TokenFactor, opened: Store) -> None:
    codes = opened.recovery.replace(USER, now=NOON)
    proof = factor.check(attempt(codes[3]), Deadline(5))
    assert proof.how is How.RECOVERY
    assert opened.recovery.left(USER) == 10, "not used up before the password has proved right"
    proof.settle()
    assert opened.recovery.left(USER) == 9
    assert refusal(factor, codes[3]) == "recovery_wrong"
    assert refusal(factor, code_at(NOON)) == "token_disabled"
    assert [notice.event for notice in opened.notices.unseen(USER)] == ["recovery_used"]
    assert opened.tokens.disabled_why(USER) == RECOVERED


def test_the_next_recovery_code_still_helps_who_could_not_enrol_yet(
    factor: TokenFactor, opened: Store
) -> None:
    first, second, *_ = opened.recovery.replace(USER, now=NOON)
    factor.check(attempt(first), Deadline(5)).settle()
    factor.check(attempt(second), Deadline(5)).settle()
    assert opened.recovery.left(USER) == 8


def test_of_two_who_bring_one_recovery_code_one_gets_in(factor: TokenFactor, opened: Store) -> None:
    code = opened.recovery.replace(USER, now=NOON)[0]
    proofs = [factor.check(attempt(code), Deadline(5)) for _ in range(2)]
    proofs[0].settle()
    with pytest.raises(Refused):
        proofs[1].settle()


def test_an_enrolment_code_proves_its_owner_until_it_expires(
    factor: TokenFactor, opened: Store, clock: Clock
) -> None:
    code = opened.enrolments.issue(USER, by="hpcadmin", now=NOON)
    assert factor.check(attempt(code), Deadline(5)).how is How.ENROLMENT
    assert refusal(factor, code, "a1113a02") == "enrolment_wrong"
    clock.now += 24 * 3600 + 1
    assert refusal(factor, code) == "enrolment_wrong"


def test_a_clock_that_is_ten_minutes_fast_is_found_by_two_codes(
    factor: TokenFactor, opened: Store, clock: Clock
) -> None:
    assert refusal(factor, code_at(NOON, 20)) == "otp_wrong"
    proof = factor.resync(attempt(code_at(NOON, 18)), Deadline(5), second=code_at(NOON, 19))
    proof.settle()
    token = opened.tokens.get(USER)
    assert token is not None
    assert (token.drift, token.drift_base) == (19, 19)
    clock.now += 60
    assert factor.check(attempt(code_at(clock.now, 19)), Deadline(5)).how is How.OTP


def test_the_codes_of_a_resync_with_a_wrong_password_are_no_login(factor: TokenFactor) -> None:
    factor.resync(attempt(code_at(NOON, -1)), Deadline(5), second=code_at(NOON))
    assert refusal(factor, code_at(NOON, -1)) == "otp_used"


def test_codes_once_used_resync_nothing(factor: TokenFactor) -> None:
    factor.check(attempt(code_at(NOON, 1)), Deadline(5))
    with pytest.raises(Refused, match="otp_used"):
        factor.resync(attempt(code_at(NOON, -1)), Deadline(5), second=code_at(NOON))


def test_codes_that_are_not_in_a_row_resync_nothing(factor: TokenFactor) -> None:
    with pytest.raises(Refused, match="otp_wrong"):
        factor.resync(attempt(code_at(NOON, 3)), Deadline(5), second=code_at(NOON, 5))


def test_drift_is_followed_five_steps_and_no_further(
    factor: TokenFactor, opened: Store, clock: Clock
) -> None:
    drifts = []
    for offset in range(1, 8):
        clock.now += 600
        try:
            factor.check(attempt(code_at(clock.now, offset)), Deadline(5))
        except Refused:
            break
        token = opened.tokens.get(USER)
        assert token is not None
        drifts.append(token.drift)
    assert drifts == [1, 2, 3, 4, 5, 5]


def test_a_clock_set_back_revives_no_code(factor: TokenFactor, clock: Clock) -> None:
    factor.check(attempt(code_at(NOON)), Deadline(5))
    clock.now -= 3600
    assert refusal(factor, code_at(clock.now)) == "otp_used"


def test_a_late_check_leaves_the_code_usable(factor: TokenFactor) -> None:
    past = Deadline(-1)
    with pytest.raises(Exception, match="time for one login"):
        factor.check(attempt(code_at(NOON)), past)
    assert factor.check(attempt(code_at(NOON)), Deadline(5)).how is How.OTP
