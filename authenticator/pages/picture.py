"""What an authenticator app needs to know, for a camera, for a keyboard, and for an app on the same phone."""

from dataclasses import dataclass, field
from typing import Self
from urllib.parse import quote, urlencode

import segno
from markupsafe import Markup

from authenticator.passcode import Seed

__all__ = ["Picture", "in_groups", "otpauth_uri"]


@dataclass(frozen=True, slots=True)
class Picture:
    """A secret as it is shown, once.

    Attributes
    ----------
    svg
        The QR code as an inline image, with the quiet zone that cameras need, dark on white in every theme.
    uri
        The same as text, for an app on this very device.
    secret
        The secret in groups of four signs, for a keyboard.
    """

    svg: Markup = field(repr=False)
    uri: str = field(repr=False)
    secret: str = field(repr=False)

    @classmethod
    def of(cls, seed: Seed, *, issuer: str, user: str) -> Self:
        uri = otpauth_uri(seed, issuer=issuer, user=user)
        code = segno.make_qr(uri, error="m")
        svg = code.svg_inline(border=4, light="#fff", omitsize=True, lineclass=None, svgclass="hp-qr")
        # Made of numbers by segno, without a text of anybody's.
        return cls(Markup(svg), uri, in_groups(seed.secret))  # noqa: S704


def otpauth_uri(seed: Seed, *, issuer: str, user: str) -> str:
    """Return the address that apps read, with every parameter spelled out.

    >>> otpauth_uri(Seed("JBSWY3DP"), issuer="The Centre", user="a1113a01")
    'otpauth://totp/The%20Centre:a1113a01?secret=JBSWY3DP&issuer=The%20Centre&algorithm=SHA1&digits=6&period=30'
    """
    # A colon would end the issuer's part of the label.
    label = f"{quote(issuer.replace(':', ' '), safe='')}:{quote(user, safe='')}"
    parameters = {
        "secret": seed.secret,
        "issuer": issuer.replace(":", " "),
        "algorithm": seed.algorithm.upper(),
        "digits": seed.digits,
        "period": seed.interval,
    }
    return f"otpauth://totp/{label}?{urlencode(parameters, quote_via=quote)}"


def in_groups(secret: str) -> str:
    """Return a secret in groups of four.

    >>> in_groups("ABCDEFGHIJ")
    'ABCD EFGH IJ'
    """
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
