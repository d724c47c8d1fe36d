"""What somebody types at the door: the shape of it, before anything is checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from authenticator.errors import Refused

__all__ = ["FIELDS", "LONGEST_PASSWORD", "NAME", "Credentials", "canonical", "is_text", "noted"]

FIELDS: Final = ("username", "otp", "password")
NAME: Final = re.compile(r"[a-z_][a-z0-9._-]{0,31}")
LONGEST_PASSWORD: Final = 1024


@dataclass(frozen=True, slots=True)
class Credentials:
    """What somebody typed, of the right shape but otherwise unchecked."""

    username: str
    otp: str = field(repr=False)
    password: bytes = field(repr=False)

    @classmethod
    def parse(cls, data: object) -> Self:
        """Take the three fields, as text or bytes, and nothing else.

        Raises
        ------
        Refused
            When a field is missing, or there is one too many, or one is not text.
        """
        if not isinstance(data, Mapping) or set(data) != set(FIELDS):
            raise Refused("form", "the form has other fields than it should")
        username, otp, password = (_bytes(data[name]) for name in FIELDS)
        try:
            return cls(username.decode(), otp.decode(), password)
        except UnicodeDecodeError:
            raise Refused("form", "a field is not UTF-8") from None


def canonical(text: str) -> str | None:
    """Return the name as directory, store and hub know it, or None when it cannot be one.

    >>> canonical(" A1113a01 "), canonical("a*"), canonical("\u212aim")
    ('a1113a01', None, None)
    """
    # Before lower-casing: the Kelvin sign, for one, becomes an ordinary k.
    name = text.strip(" ").lower() if text.isascii() else ""
    return name if NAME.fullmatch(name) else None


def noted(typed: object) -> str:
    """Return the name for the audit: what can be one, and "?" for what cannot: people type passwords there.

    >>> noted(b"A1113a01"), noted("My Secret!"), noted(None)
    ('a1113a01', '?', '')
    """
    text = typed.decode("utf-8", "replace") if isinstance(typed, bytes) else typed
    if not isinstance(text, str):
        return ""
    return canonical(text) or "?"


def is_text(password: bytes) -> bool:
    # Browsers send nothing else, and ldap3 fails on it.
    try:
        password.decode()
    except UnicodeDecodeError:
        return False
    return True


def _bytes(value: object) -> bytes:
    match value:
        case bytes():
            return value
        case str():
            # A lone surrogate (JSON can carry one) does not encode; it then fails to decode as well.
            return value.encode("utf-8", "surrogatepass")
    raise Refused("form", "a field is not text")
