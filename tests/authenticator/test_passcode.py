"""One-time passwords: the vectors of RFC 6238 and RFC 4226, and what people type."""

from base64 import b32encode
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authenticator.passcode import (
    Seed,
    SeedError,
    consecutive_steps,
    make_secret,
    matching_steps,
    normalise,
)

KEY = b"12345678901234567890"
# RFC 6238 appendix B; with the erratum, the seeds are as long as the hash.
SEEDS = {
    "sha1": b32encode(KEY).decode(),
    "sha256": b32encode((KEY * 2)[:32]).decode(),
    "sha512": b32encode((KEY * 4)[:64]).decode().rstrip("="),
}
RFC_6238 = [
    (59, "94287082", "46119246", "90693936"),
    (1111111109, "07081804", "68084774", "25091201"),
    (1111111111, "14050471", "67062674", "99943326"),
    (1234567890, "89005924", "91819424", "93441116"),
    (2000000000, "69279037", "90698825", "38618901"),
    (20000000000, "65353130", "77737706", "47863826"),
]
RFC_4226 = [
    "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489",
]  # fmt: skip


@pytest.mark.parametrize(("when", "sha1", "sha256", "sha512"), RFC_6238)
def test_every_vector_of_rfc_6238_is_accepted_at_its_time_only(
    when: int, sha1: str, sha256: str, sha512: str
) -> None:
    for algorithm, code in (("sha1", sha1), ("sha256", sha256), ("sha512", sha512)):
        seed = Seed(SEEDS[algorithm].rstrip("="), digits=8, algorithm=algorithm)
        # The authenticator stores secrets without padding; pyotp takes them so.
        assert matching_steps(seed, code, now=when, window=0) == (when // 30,)
        assert matching_steps(seed, code, now=when + 60, window=0) == ()


@pytest.mark.parametrize(("step", "code"), list(enumerate(RFC_4226)))
def test_every_vector_of_rfc_4226_is_accepted_at_its_step(step: int, code: str) -> None:
    assert matching_steps(Seed(SEEDS["sha1"]), code, now=step * 30, window=0) == (step,)


@pytest.mark.parametrize(("window", "steps"), [(0, [0]), (1, [-1, 0, 1]), (2, [-2, -1, 0, 1, 2])])
def test_a_code_is_good_within_the_window_and_not_beyond(window: int, steps: list[int]) -> None:
    seed, here = Seed(SEEDS["sha1"]), 1000
    good = [
        away
        for away in range(-4, 5)
        if matching_steps(seed, seed.generator().generate_otp(here + away), now=here * 30, window=window)
    ]
    assert good == steps


def test_the_first_seconds_of_1970_have_no_earlier_step() -> None:
    seed = Seed(SEEDS["sha1"])
    assert matching_steps(seed, seed.generator().generate_otp(0), now=0, window=1) == (0,)


@pytest.mark.parametrize("drift", [-7, -1, 0, 3, 20])
def test_the_window_lies_around_the_time_of_the_token(drift: int) -> None:
    seed, here = Seed(SEEDS["sha1"]), 1000
    good = [
        away
        for away in range(-30, 31)
        if matching_steps(seed, code_at(seed, here + away), now=here * 30, window=1, drift=drift)
    ]
    assert good == [drift - 1, drift, drift + 1]


def code_at(seed: Seed, step: int) -> str:
    return seed.generator().generate_otp(step)


@pytest.mark.parametrize("drift", [-20, -19, -2, -1, 0, 1, 2, 19, 20])
def test_two_codes_in_a_row_tell_how_far_a_clock_is_out(drift: int) -> None:
    seed, here = Seed(SEEDS["sha1"]), 1000
    second = here + drift
    found = consecutive_steps(seed, code_at(seed, second - 1), code_at(seed, second), now=here * 30 + 29)
    assert found == (second, drift)


@pytest.mark.parametrize("ends", [(20, 21), (-22, -21), (0, 0), (1, 0), (0, 2), (0, -1), (0, 999), (999, 0)])
def test_codes_that_are_not_in_a_row_or_too_far_away_tell_nothing(ends: tuple[int, int]) -> None:
    seed, here = Seed(SEEDS["sha1"]), 1000
    first, second = (code_at(seed, here + away) for away in ends)
    assert consecutive_steps(seed, first, second, now=here * 30) is None


def test_only_codes_of_the_same_token_count() -> None:
    seed, other, here = Seed(SEEDS["sha1"]), Seed("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"), 1000
    assert consecutive_steps(other, code_at(seed, here - 1), code_at(seed, here), now=here * 30) is None
    assert consecutive_steps(seed, code_at(seed, here - 1), "\ud800", now=here * 30) is None


def test_of_several_places_the_nearest_counts() -> None:
    class Repeats(Seed):
        """Has the same two codes in turn for ever."""

        def generator(self) -> Any:
            return SimpleNamespace(generate_otp=lambda step: f"{step % 2:06}")

    seed = Repeats("JBSWY3DPEHPK3PXP")
    assert consecutive_steps(seed, "000000", "000001", now=1001 * 30) == (1001, 0)
    assert consecutive_steps(seed, "000000", "000001", now=1000 * 30) == (1001, 1)


@given(st.integers(0, 2**33), st.integers(-20, 20), st.sampled_from([6, 8]), st.sampled_from([30, 60]))
def test_a_drift_that_was_found_makes_the_next_code_good(
    now: int, drift: int, digits: int, interval: int
) -> None:
    seed = Seed(SEEDS["sha256"].rstrip("="), digits=digits, interval=interval, algorithm="sha256")
    second = now // interval + drift
    if second < 1:
        return
    found = consecutive_steps(seed, code_at(seed, second - 1), code_at(seed, second), now=now)
    assert found == (second, drift)
    assert matching_steps(seed, code_at(seed, second + 1), now=now + interval, window=0, drift=found[1]) == (
        second + 1,
    )


@pytest.mark.parametrize("text", ["123456", "123 456", "123-456", " 123456 ", "12 34 56\t", "123\u00a0456"])
def test_blanks_and_hyphens_in_a_code_do_not_matter(text: str) -> None:
    assert normalise(text) == "123456"


NO_CODES = [
    *(
        "",
        "12345",
        "1234567",
        "123456789",
        "abcdef",
        "１２３４５６",
        "123456\n",
        "+23456",
        "123456\0",
        "٣٤٥٦٧٨",
    ),
    *("٣٤٥٦٧٨", "1 2 3 4 5 6 -----", "123456" * 1000),
]


@pytest.mark.parametrize("text", NO_CODES, ids=lambda text: repr(text[:20]))
def test_what_is_not_six_or_eight_plain_digits_is_no_code(text: str) -> None:
    assert normalise(text) is None


@given(st.text(max_size=30))
def test_any_text_is_either_a_code_or_nothing(text: str) -> None:
    code = normalise(text)
    assert code is None or (code.isascii() and code.isdigit() and len(code) in {6, 8})


@pytest.mark.parametrize(
    "text", ["jbsw y3dp ehpk 3pxp jbsw y3dp ehpk 3pxp", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"]
)
def test_a_secret_may_be_written_in_groups(text: str) -> None:
    assert Seed.from_text(text).secret == "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.mark.parametrize("text", ["", "not base32!", "JBSWY3DPEHPK3PXP", "JBSWY3DPEHPK3PX1" * 2])
def test_a_short_or_broken_secret_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(SeedError) as refusal:
        Seed.from_text(text)
    assert not text or text not in str(refusal.value)


def test_new_secrets_have_160_bits_and_differ() -> None:
    made = {make_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(len(secret) == 32 and Seed.from_text(secret) for secret in made)


def test_a_seed_does_not_show_its_secret() -> None:
    assert "JBSW" not in repr(Seed("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"))
