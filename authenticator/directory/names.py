"""Distinguished names, compared as a directory compares them (RFC 4514, 4518)."""

import re
from functools import lru_cache
from typing import Final

__all__ = ["Name", "below", "first_value", "normal"]

# The pairs of each part, in one spelling.
Name = tuple[tuple[tuple[str, str], ...], ...]

_ESCAPED: Final = re.compile(rb"\\(?:([0-9a-fA-F]{2})|(.))", re.DOTALL)


@lru_cache(maxsize=4096)
def normal(dn: str) -> Name:
    """Return one spelling of a name: equal names have equal ones.

    Case and the number of blanks do not count, as in nearly all attributes that names are made of.
    """
    return tuple(_part(part) for part in _split(dn, ","))


def below(name: Name, base: Name) -> bool:
    """Tell whether an entry is under `base`, at any depth."""
    return len(name) > len(base) and name[len(name) - len(base) :] == base


def first_value(dn: str, attribute: str) -> str | None:
    """Return the value of `attribute` in the first part of the name; None when another attribute is there."""
    for pair in _split(_split(dn, ",")[0], "+"):
        kind, equals, value = pair.partition("=")
        if equals and kind.strip().lower() == attribute.lower():
            return _unescaped(value)
    return None


def _part(text: str) -> tuple[tuple[str, str], ...]:
    pairs = (pair.partition("=") for pair in _split(text, "+"))
    return tuple(sorted((kind.strip().lower(), _folded(_unescaped(value))) for kind, _, value in pairs))


def _folded(value: str) -> str:
    return " ".join(value.casefold().split())


def _split(text: str, separator: str) -> list[str]:
    """Split at each separator that is not escaped."""
    if "\\" not in text:
        return text.split(separator)
    parts, start, index = [], 0, 0
    while index < len(text):
        if text[index] == "\\":
            index += 1
        elif text[index] == separator:
            parts.append(text[start:index])
            start = index + 1
        index += 1
    return [*parts, text[start:]]


def _unescaped(value: str) -> str:
    if "\\" not in value:
        return value.strip(" ")
    bare = value.strip(" ")
    if bare != value.lstrip(" ") and _ends_in_escape(bare):
        bare += " "  # the last blank was escaped, so it is one of the value
    return _ESCAPED.sub(_character, bare.encode()).decode("utf-8", "replace")


def _ends_in_escape(text: str) -> bool:
    return (len(text) - len(text.rstrip("\\"))) % 2 == 1


def _character(found: re.Match[bytes]) -> bytes:
    return bytes.fromhex(found[1].decode()) if found[1] else found[2]
