"""Codes on paper: recovery codes and enrolment codes, in signs of base32."""

import secrets
from typing import Final

__all__ = ["make_code", "plain"]

SIGNS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

# What people read for a letter that base32 does have; blanks and hyphens go.
_AS_MEANT: Final = str.maketrans("01", "OI", " \t\u00a0-")


def make_code(groups: int, signs: int) -> str:
    """Return a random code of five bits a sign, with a hyphen between groups."""
    return "-".join("".join(secrets.choice(SIGNS) for _ in range(signs)) for _ in range(groups))


def plain(code: str) -> str:
    """Return a code without what people add or mistake when they copy it.

    >>> plain("abcd-efgh 0123")
    'ABCDEFGHOI23'
    """
    return code.translate(_AS_MEANT).upper()
