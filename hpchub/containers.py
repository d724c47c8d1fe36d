"""Tokens from a PSKC file (RFC 6030), plain or encrypted with a key or a password.

The file comes from outside, so nothing of it is trusted to be small or honest: no document type (where
entities are declared that explode or fetch), a bounded number of rounds of key derivation, and a MAC where
the cipher has none of its own.
"""

import base64
import csv
import io
import re
from collections.abc import Mapping
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from pskc import PSKC
from pskc.exceptions import DecryptionError, PSKCError
from pskc.key import EncryptedValue, Key

from authenticator.passcode import LEAST_SECRET_BYTES
from hpchub.imports import (
    BadTokenError,
    Entry,
    ImportFileError,
    Parsed,
    algorithm_of,
    collect,
    device_of,
    seed_of,
    user_of,
)

__all__ = ["parse_holders", "parse_pskc", "transport_key"]

# RFC 6030 section 12.4 registers the first; older containers have the other.
TOTP: Final = ("keyprov:pskc:totp", "keyprov:pskc#totp")
# OWASP asks for 1.4 million of PBKDF2-HMAC-SHA1; ten million take some seconds.
MOST_ROUNDS: Final = 10_000_000
LONGEST_KEY: Final = 64
KEY_SIZES: Final = (16, 24, 32)


def parse_pskc(
    data: bytes,
    *,
    key: bytes | None = None,
    password: bytes | None = None,
    holders: Mapping[str, str] | None = None,
) -> Parsed:
    """Read the TOTP keys of a container.

    Parameters
    ----------
    key, password
        What the container is encrypted with, if it is.
    holders
        Serial numbers and who has the device, for containers that do not say so.

    Raises
    ------
    ImportFileError
        When it is no container, or key or password do not open it.
    """
    container = _container(_harmless(data), key, password)
    users = holders or {}
    return collect(enumerate(container.keys, 1), lambda n, each: _entry(n, each, users), unit="key")


def transport_key(text: str) -> bytes:
    """Return an AES key that stands in a file in hexadecimal or base64.

    Raises
    ------
    ImportFileError
        When it is neither.
    """
    word = "".join(text.split())
    try:
        raw = (
            bytes.fromhex(word)
            if re.fullmatch(r"[0-9A-Fa-f]+", word)
            else base64.b64decode(word, validate=True)
        )
    except ValueError:
        raw = b""
    if len(raw) not in KEY_SIZES:
        raise ImportFileError("the key is not 128, 192 or 256 bits in hexadecimal or base64")
    return raw


def parse_holders(text: str) -> dict[str, str]:
    """Read who has which device: CSV with the header ``serial,user``."""
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        if [cell.strip().lower() for cell in next(rows, [])] != ["serial", "user"]:
            raise ImportFileError("the list of holders has not the header serial,user")
        found = [(rows.line_num, row) for row in rows if row]
    except csv.Error:
        raise ImportFileError(f"line {rows.line_num} of the list of holders is not CSV") from None
    holders: dict[str, str] = {}
    for number, row in found:
        if len(row) != 2 or row[0].strip() in holders:
            raise ImportFileError(
                f"line {number} of the list of holders is not one serial number and one user"
            )
        holders[row[0].strip()] = row[1]
    return holders


def _harmless(data: bytes) -> bytes:
    """Return the same XML without any document type; whatever reads it next has no entity to resolve."""
    try:
        root: Element = fromstring(data, forbid_dtd=True)
    except DefusedXmlException:
        raise ImportFileError("the XML declares a document type or entities, which PSKC never does") from None
    except (ParseError, ValueError, LookupError):
        raise ImportFileError("the file is not XML") from None
    return tostring(root)


def _container(data: bytes, key: bytes | None, password: bytes | None) -> PSKC:
    try:
        container = PSKC(io.BytesIO(data))
        if key is not None:
            container.encryption.key = key
        elif password is not None:
            _derive(container, password)
    except PSKCError as error:
        raise ImportFileError(f"the file is not a PSKC container that we can read: {_safe(error)}") from None
    except ImportFileError:
        raise
    except Exception as error:  # foreign data in a foreign parser, and its text may quote a secret
        raise ImportFileError(f"the file is not a PSKC container ({type(error).__name__})") from None
    if not container.keys:
        raise ImportFileError("the container has no keys")
    return container


def _derive(container: PSKC, password: bytes) -> None:
    derivation = container.encryption.derivation
    if (derivation.pbkdf2_iterations or 0) > MOST_ROUNDS:
        raise ImportFileError(f"the container asks for more than {MOST_ROUNDS} rounds of key derivation")
    if (derivation.pbkdf2_key_length or 0) > LONGEST_KEY:
        raise ImportFileError(f"the container asks for a key of more than {LONGEST_KEY} bytes")
    container.encryption.derive_key(password)


def _entry(number: int, key: Key, holders: Mapping[str, str]) -> Entry:
    if not (key.algorithm or "").endswith(TOTP):
        raise BadTokenError("it is not a time-based token (TOTP)")
    if (key.response_encoding or "DECIMAL").upper() != "DECIMAL":
        raise BadTokenError("its codes are not digits")
    secret, interval = _opened(key)
    if len(secret) < LEAST_SECRET_BYTES:
        raise BadTokenError(
            f"the secret has {len(secret) * 8} bits; at least {LEAST_SECRET_BYTES * 8} are needed"
        )
    seed = seed_of(
        base64.b32encode(secret).decode().rstrip("="),
        algorithm=algorithm_of(key.algorithm_suite or ""),
        digits=key.response_length or 6,
        interval=30 if interval is None else interval,
    )
    return Entry(number, _user(key, holders), seed, _device(key))


def _opened(key: Key) -> tuple[bytes, int | None]:
    sealed = vars(key).get("_secret")  # the attribute itself decrypts
    if sealed is None:
        raise BadTokenError("it has no secret")
    if isinstance(sealed, EncryptedValue) and sealed.mac_value is None and "-cbc" in (sealed.algorithm or ""):
        # RFC 6030 section 6: where the cipher does not notice a change, a MAC must.
        raise BadTokenError("it is encrypted without a check of integrity (RFC 6030 section 6)")
    try:
        return key.secret or b"", key.time_interval
    except DecryptionError as error:
        raise BadTokenError(f"it does not open with this key or password: {_safe(error)}") from None
    except Exception as error:  # as above
        raise BadTokenError(f"its values cannot be read ({type(error).__name__})") from None


def _user(key: Key, holders: Mapping[str, str]) -> str:
    if key.serial and key.serial in holders:
        return user_of(holders[key.serial])
    if not key.userid:
        raise BadTokenError("it says no user; a list of holders (serial,user) can")
    # RFC 6030 section 4.3.2 and 5: a distinguished name. Vendors write a bare name as well.
    named = re.match(r"\s*(?:uid|cn)\s*=\s*([^,+]+)", key.userid, re.IGNORECASE)
    return user_of(named[1] if named else key.userid)


def _device(key: Key) -> str:
    words: list[Any] = [key.manufacturer, key.model, key.serial]
    return device_of(key.friendly_name or " ".join(str(word) for word in words if word))


def _safe(error: PSKCError) -> str:
    """Return the library's words where they are its own; none of those quotes what it read but in quotes."""
    return re.sub(r"[:'\"].*", "", str(error)) or type(error).__name__
