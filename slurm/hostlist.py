"""Slurm's short form for many host names, ``gpu[01-05,07],bigmem01``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

__all__ = ["expand", "split_outside"]

# The whole of a large centre, and a limit for what a mistyped range can cost us.
_MOST = 100_000
_PIECE = re.compile(r"\[([^\[\]]*)\]|([^\[\]]+)")


def expand(text: str) -> tuple[str, ...]:
    """Give the host names that a host list stands for, in its order; none for ``(null)``, ``n/a``, ....

    Raises
    ------
    ValueError
        Brackets or ranges are broken, or there are more than 100,000 names.
    """
    text = text.strip()
    if text.lower() in {"", "(null)", "n/a", "none", "none assigned", "unknown"}:
        return ()
    names: list[str] = []
    for part in split_outside(text, "[", "]"):
        names.extend(_expand_one(part))
        if len(names) > _MOST:
            raise ValueError(f"more than {_MOST} hosts in {text[:80]!r}")
    return tuple(names)


def split_outside(text: str, opening: str, closing: str) -> Iterator[str]:
    """Split at commas that are not between brackets."""
    depth = start = 0
    for position, sign in enumerate(text):
        if sign == opening:
            depth += 1
        elif sign == closing:
            depth -= 1
        elif sign == "," and depth == 0:
            yield text[start:position]
            start = position + 1
    if depth != 0:
        raise ValueError(f"brackets do not match in {text[:80]!r}")
    yield text[start:]


def _expand_one(text: str) -> list[str]:
    choices: list[list[str]] = []
    size, end = 1, 0
    for match in _PIECE.finditer(text):
        choices.append([match[2]] if match[1] is None else _expand_ranges(match[1]))
        size, end = size * len(choices[-1]), match.end()
        if size > _MOST:
            raise ValueError(f"more than {_MOST} hosts in {text[:80]!r}")
    if not choices or end != len(text) or any(" " in piece for choice in choices for piece in choice):
        raise ValueError(f"not a host list: {text[:80]!r}")
    return ["".join(pieces) for pieces in product(*choices)]


def _expand_ranges(text: str) -> list[str]:
    found: list[str] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not dash:
            last = first
        if not (first.isdigit() and last.isdigit()) or not 0 <= int(last) - int(first) <= _MOST:
            raise ValueError(f"not a range of hosts: {part[:40]!r}")
        # gpu[08-10] counts with leading zeros, gpu[8-10] without: the first number decides.
        found.extend(f"{number:0{len(first)}d}" for number in range(int(first), int(last) + 1))
    return found
