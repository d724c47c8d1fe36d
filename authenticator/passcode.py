"""One-time passwords (RFC 6238) as pure functions: no clock, no store, no user.

Whoever calls them remembers the last used *step*, never the text of a code: full-width digits and blanks make
many texts of one code.
"""

import hashlib
import hmac
import re
import secrets
from base64 import b32decode, b32encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import pyotp

__all__ = [
    "ALGORITHMS",
    "Seed",
    "SeedError",
    "consecutive_steps",
    "make_secret",
    "matching_steps",
    "normalise",
    "step_at",
]

ALGORITHMS: Final[dict[str, Callable[..., Any]]] = {
    "sha1": hashlib.sha1,
    "sha256": hashlib.sha256,
    "sha512": hashlib.sha512,
}
LONGEST_INPUT: Final = 16
NEW_SECRET_BYTES: Final = 20
LEAST_SECRET_BYTES: Final = 16
RESYNC_REACH: Final = 20

_DIGITS: Final = re.compile(r"[0-9]{6}|[0-9]{8}")
_PADDING: Final = str.maketrans("", "", " \t\u00a0-")


class SeedError(ValueError):
    """A secret that cannot be used; the text says why and never shows the secret."""


@dataclass(frozen=True, slots=True)
class Seed:
    """What a token computes its codes from. The secret is base32 without padding."""

    secret: str = field(repr=False)
    digits: int = 6
    interval: int = 30
    algorithm: str = "sha1"

    @classmethod
    def from_text(cls, text: str, **parameters: Any) -> "Seed":
        """Take a base32 secret as people write it: in groups, in lower case, with or without padding."""
        secret = text.translate(_PADDING).strip().rstrip("=").upper()
        try:
            raw = b32decode(secret + "=" * (-len(secret) % 8))
        except ValueError:  # what is not ASCII is no binascii.Error
            raise SeedError("the secret is not base32: only the letters A-Z and the digits 2-7") from None
        if len(raw) < LEAST_SECRET_BYTES:
            raise SeedError(
                f"the secret has {len(raw) * 8} bits; at least {LEAST_SECRET_BYTES * 8} are needed"
            )
        return cls(secret, **parameters)

    def generator(self) -> pyotp.TOTP:
        return pyotp.TOTP(
            self.secret, digits=self.digits, interval=self.interval, digest=ALGORITHMS[self.algorithm]
        )


def make_secret() -> str:
    """Return a new random secret of 160 bits in base32."""
    return b32encode(secrets.token_bytes(NEW_SECRET_BYTES)).decode()


def normalise(text: str) -> str | None:
    """Return the digits of a code as typed, or None when it cannot be one.

    >>> normalise("123 456"), normalise("123-456"), normalise("12345"), normalise("１２３４５６")
    ('123456', '123456', None, None)
    """
    if len(text) > LONGEST_INPUT:
        return None
    digits = text.translate(_PADDING)
    return digits if _DIGITS.fullmatch(digits) else None


def step_at(seed: Seed, now: float) -> int:
    """Return the number of the interval that contains the Unix time `now`."""
    return int(now) // seed.interval


def matching_steps(seed: Seed, code: str, *, now: float, window: int, drift: int = 0) -> tuple[int, ...]:
    """Return every step within `window` of the token's own time whose code this is, oldest first.

    `drift` is how many steps the token's clock is ahead of ours. All steps are computed whichever matches, so
    that the time taken tells nothing.
    """
    here = step_at(seed, now) + drift
    return tuple(_having(seed, code, range(here - window, here + window + 1)))


def consecutive_steps(
    seed: Seed, first: str, second: str, *, now: float, reach: int = RESYNC_REACH
) -> tuple[int, int] | None:
    """Find a clock that has drifted, by two codes in a row (RFC 4226 §7.4).

    Returns
    -------
    tuple of int, or None
        The step of the second code, and how many steps it is ahead of `now`; of several, the nearest to now.
    """
    here = step_at(seed, now)
    ends = set(_having(seed, second, range(here - reach, here + reach + 1)))
    ends &= {step + 1 for step in _having(seed, first, range(here - reach - 1, here + reach))}
    if not ends:
        return None
    nearest = min(ends, key=lambda step: (abs(step - here), -step))
    return nearest, nearest - here


def _having(seed: Seed, code: str, steps: range) -> list[int]:
    generator, typed = seed.generator(), code.encode(errors="replace")
    return [
        step
        for step in steps
        if step >= 0 and hmac.compare_digest(generator.generate_otp(step).encode(), typed)
    ]
