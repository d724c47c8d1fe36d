"""Recognisable secrets, and how to find them in whatever must not have them."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

__all__ = ["IMPORTED", "WRONG", "found_in"]

WRONG = "canary-Wrong-0427"
IMPORTED = base64.b32encode(b"canary of an import!").decode()


def spellings(canary: str) -> Iterator[bytes]:
    """Yield a secret as it could be written, and as bytes where it is base32 or base64."""
    plain = canary.replace("-", "").replace(" ", "")
    for written in {canary, plain, plain.lower(), quote(canary), quote_plus(canary)}:
        yield written.encode()
        yield base64.b64encode(written.encode()).rstrip(b"=")
    if re.fullmatch("[A-Z2-7]{16,}", plain):
        yield base64.b32decode(plain + "=" * (-len(plain) % 8))


def found_in(content: bytes, canaries: set[str]) -> list[str]:
    """Return the secrets that are in something; digits count where they are not part of longer ones."""
    found = [one for one in canaries if not one.isdigit() and any(each in content for each in spellings(one))]
    digits = set(re.findall(rb"(?<![\d.])\d{6}(?!\d)", content))
    return found + [one for one in canaries if one.isdigit() and one.encode() in digits]
