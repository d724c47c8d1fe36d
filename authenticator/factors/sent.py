"""The shape of a code that somebody else's server checks."""

import re
from typing import Final

from authenticator import passcode
from authenticator.errors import Refused

__all__ = ["LONGEST_CODE", "code_for_others"]

LONGEST_CODE: Final = 64
_PRINTABLE: Final = re.compile(rf"[ -~]{{1,{LONGEST_CODE}}}")


def code_for_others(typed: str) -> str:
    """Return the code as a server of any make is told it.

    Six or eight digits lose the blanks and hyphens that apps show in them. Anything else (a PIN and a code, a
    YubiKey's 44 letters, words) goes out as typed, without the blanks around it.

    Raises
    ------
    Refused
        When it cannot be a code: empty, too long, or not printable ASCII.

    >>> code_for_others(" 123 456 "), code_for_others("pin-123456")
    ('123456', 'pin-123456')
    """
    code = passcode.normalise(typed) or typed.strip(" \t\u00a0")
    if not _PRINTABLE.fullmatch(code):
        raise Refused("otp_syntax")
    return code
