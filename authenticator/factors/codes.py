"""What kind of code somebody typed into the one field there is, told by its shape alone."""

import enum
import re
from dataclasses import dataclass, field
from typing import Final

from authenticator import passcode

__all__ = ["ENROLMENT_SIGNS", "RECOVERY_SIGNS", "Code", "Kind", "read_code"]

RECOVERY_SIGNS: Final = 16
ENROLMENT_SIGNS: Final = 20
LONGEST_INPUT: Final = 40

_BASE32: Final = re.compile(r"[A-Z2-7]+")
# What people read for a letter that base32 does have; blanks and hyphens go.
_AS_MEANT: Final = str.maketrans("01", "OI", " \t\u00a0-")


class Kind(enum.Enum):
    """Which of our codes it can be."""

    OTP = "otp"
    RECOVERY = "recovery"
    ENROLMENT = "enrolment"


@dataclass(frozen=True, slots=True)
class Code:
    """A code without the blanks and hyphens people type, in capitals."""

    kind: Kind
    text: str = field(repr=False)


def read_code(text: str) -> Code | None:
    """Return what this can be, or None.

    >>> read_code("123 456").kind, read_code("abcd-efgh-ijkl-mnop").kind, read_code("12345")
    (<Kind.OTP: 'otp'>, <Kind.RECOVERY: 'recovery'>, None)
    """
    if digits := passcode.normalise(text):
        return Code(Kind.OTP, digits)
    if len(text) > LONGEST_INPUT:
        return None
    typed = text.translate(_AS_MEANT)
    # Upper case makes ASCII of some letters that are none.
    signs = typed.upper() if typed.isascii() else ""
    kind = {RECOVERY_SIGNS: Kind.RECOVERY, ENROLMENT_SIGNS: Kind.ENROLMENT}.get(len(signs))
    return Code(kind, signs) if kind is not None and _BASE32.fullmatch(signs) else None
