"""Whose account is switched off: literal attributes of several servers."""

from datetime import UTC, datetime

import pytest

from authenticator.directory.status import ATTRIBUTES, disabled

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC).timestamp()
DAY = int(NOW // 86400)
TICKS_NOW = int((NOW + 11_644_473_600) * 10_000_000)


@pytest.mark.parametrize(
    ("attribute", "value", "why"),
    [
        ("pwdAccountLockedTime", b"000001010000Z", "locked"),
        # A pause after wrong passwords: whoever guesses at somebody's password must not throw them out.
        ("pwdAccountLockedTime", b"20261121115900Z", ""),
        ("nsAccountLock", b"TRUE", "disabled"),
        ("nsaccountlock", b"true", "disabled"),
        ("nsAccountLock", b"FALSE", ""),
        ("userAccountControl", b"512", ""),
        ("userAccountControl", b"514", "disabled"),
        ("userAccountControl", b"66050", "disabled"),
        ("userAccountControl", b"?", "disabled"),
        ("accountExpires", b"0", ""),
        ("accountExpires", b"9223372036854775807", ""),
        ("accountExpires", str(TICKS_NOW - 1).encode(), "expired"),
        ("accountExpires", str(TICKS_NOW + 10_000_000).encode(), ""),
        ("accountExpires", b"never", "expired"),
        ("shadowExpire", b"-1", ""),
        ("shadowExpire", str(DAY).encode(), "expired"),
        ("shadowExpire", str(DAY + 1).encode(), ""),
        ("shadowExpire", b"0", "expired"),
        ("pwdEndTime", b"20261121115959Z", "expired"),
        ("pwdEndTime", b"20261121120001Z", ""),
        ("pwdEndTime", b"20261121210001+0900", ""),
        ("pwdEndTime", b"20261121205959+0900", "expired"),
        ("pwdEndTime", b"202611211200.5-0100", ""),
        ("pwdEndTime", b"2026112112Z", "expired"),
        ("pwdEndTime", b"20281231235960Z", ""),  # a leap second
        ("pwdEndTime", b"20261321120000Z", "expired"),
        ("pwdEndTime", b"tomorrow", "expired"),
        ("pwdStartTime", b"20261121120001Z", "not_yet"),
        ("pwdStartTime", b"20261121115959Z", ""),
        ("pwdStartTime", b"tomorrow", "not_yet"),
        ("krbPrincipalExpiration", b"20261120000000Z", "expired"),
        ("krbPrincipalExpiration", b"20271120000000Z", ""),
    ],
)
def test_an_account_is_switched_off_by(attribute: str, value: bytes, why: str) -> None:
    assert disabled({attribute: (value,)}, NOW) == why
    assert attribute.lower() in {each.lower() for each in ATTRIBUTES}


def test_an_account_without_any_mark_is_good() -> None:
    assert disabled({"uid": (b"a1113a01",)}, NOW) == ""


def test_one_mark_of_several_is_enough() -> None:
    assert disabled({"nsaccountlock": (b"FALSE",), "shadowexpire": (b"1",)}, NOW) == "expired"
