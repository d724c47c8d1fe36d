"""Which codes go out to somebody else's server."""

import pytest

from authenticator.errors import Refused
from authenticator.factors.sent import code_for_others


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("123456", "123456"),
        (" 123 456 ", "123456"),
        ("1234-5678", "12345678"),
        ("12345", "12345"),
        ("1234567", "1234567"),
        ("pin 123-456", "pin 123-456"),
        ("ccccccbtijfvirhnvvlttulvlirkujcjgdvlcggvjfhk", "ccccccbtijfvirhnvvlttulvlirkujcjgdvlcggvjfhk"),
        ("\tcorrect horse\u00a0", "correct horse"),
        ("~" * 64, "~" * 64),
    ],
)
def test_codes_of_other_servers_go_out_as_typed_and_digits_without_blanks(typed: str, sent: str) -> None:
    assert code_for_others(typed) == sent


@pytest.mark.parametrize(
    "typed",
    ["", "  ", "~" * 65, "１２３４５６", "12\u0000456", "12\n3456x", "pass\u00e9", "\ud800", "a\x7fb"],
)
def test_what_cannot_be_a_code_goes_nowhere(typed: str) -> None:
    with pytest.raises(Refused) as refusal:
        code_for_others(typed)
    assert refusal.value.reason == "otp_syntax"
