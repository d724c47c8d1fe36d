"""From a file of seeds to tokens: pure functions from its text to entries, and to what is wrong with it.

What is wrong is told by the number of the line alone. Nothing of a bad line is repeated, not even its name:
where columns were mixed up, the name is the secret.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from authenticator.credentials import canonical
from authenticator.passcode import ALGORITHMS, Seed, SeedError

__all__ = [
    "COLUMNS",
    "BadTokenError",
    "Entry",
    "ImportFileError",
    "Parsed",
    "Problem",
    "algorithm_of",
    "collect",
    "device_of",
    "parse_base32",
    "parse_csv",
    "seed_of",
    "text_of",
    "user_of",
]

Item = TypeVar("Item")

COLUMNS: Final = ("user", "secret", "algorithm", "digits", "interval", "device")
"""Of a CSV file's header; the first two must be there, in any order with the others."""

REQUIRED: Final = frozenset(COLUMNS[:2])
DIGITS: Final = (6, 8)
# Hardware has 30 or 60 seconds. Below 15, clocks would have to be better than they are.
INTERVALS: Final = range(15, 121)
LONGEST_DEVICE: Final = 64


class ImportFileError(ValueError):
    """A file of which nothing can be read; the text says why and shows nothing of it."""


class BadTokenError(ValueError):
    """A line (or key) that is no token; the text says why and shows nothing of it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One token to be: whose, and from which line (or key) of the file."""

    number: int
    user: str
    seed: Seed = field(repr=False)
    device: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """A line (or key) of the file that is no token, and why."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """All that a file holds. `unit` is what is counted in it: lines, or keys."""

    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...]
    unit: str = "line"


def text_of(data: bytes) -> str:
    """Decode a file, with or without the mark that some editors put in front."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ImportFileError("the file is not text in UTF-8") from None


def parse_base32(text: str) -> Parsed:
    """Read lines of a name and a secret in base32; the secret may stand in groups.

    Empty lines and lines that begin with # are passed over.
    """
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    return collect(((number, line) for number, line in lines if line and line[0] != "#"), _base32_entry)


def _base32_entry(number: int, line: str) -> Entry:
    name, *groups = line.split()
    if not groups:
        raise BadTokenError("it has no secret after the name")
    return Entry(number, user_of(name), seed_of("".join(groups)))


def parse_csv(text: str) -> Parsed:
    """Read a CSV file with a header of `COLUMNS`.

    Raises
    ------
    ImportFileError
        When the header is not one, or a line cannot be told from the next.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = _header(next(reader, []))
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error:
        raise ImportFileError(f"line {reader.line_num} is not CSV") from None
    return collect(rows, lambda number, row: _csv_entry(number, header, row))


def _header(cells: Iterable[str]) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    # Not repeated: without a header this is the first user's secret.
    if not set(names) >= REQUIRED or not set(names) <= set(COLUMNS) or len(set(names)) < len(names):
        raise ImportFileError(
            f"line 1 is not the header: write the names of the columns, at least user and secret, "
            f"of {','.join(COLUMNS)}"
        )
    return names


def _csv_entry(number: int, header: list[str], row: list[str]) -> Entry:
    if len(row) != len(header):
        raise BadTokenError(f"it has {len(row)} columns, the header has {len(header)}")
    cells = dict(zip(header, (cell.strip() for cell in row), strict=True))
    if not cells["secret"]:
        raise BadTokenError("it has no secret")
    seed = seed_of(
        cells["secret"],
        algorithm=algorithm_of(cells.get("algorithm", "")),
        digits=_number(cells, "digits", 6),
        interval=_number(cells, "interval", 30),
    )
    return Entry(number, user_of(cells["user"]), seed, device_of(cells.get("device", "")))


def _number(cells: Mapping[str, str], name: str, default: int) -> int:
    text = cells.get(name, "")
    if not text:
        return default
    if not re.fullmatch(r"[0-9]{1,4}", text):
        raise BadTokenError(f"{name} is not a number")
    return int(text)


# ----- what all formats have in common ------------------------------------------------------


def user_of(text: str) -> str:
    """Return the user's name as the hub knows it."""
    name = canonical(text)
    if name is None:
        raise BadTokenError("what stands for the user cannot be a user name")
    return name


def device_of(text: str) -> str:
    """Return what a user calls the device: short and printable, in any language."""
    return "".join(sign for sign in text.strip() if sign.isprintable())[:LONGEST_DEVICE]


def algorithm_of(text: str) -> str:
    """Return our name of a hash: files have SHA1, sha-256, HmacSHA512, HMAC-SHA1...

    >>> algorithm_of(""), algorithm_of("HMAC-SHA256")
    ('sha1', 'sha256')
    """
    name = re.sub(r"[^a-z0-9]", "", text.lower()).removeprefix("hmac") or "sha1"
    if name not in ALGORITHMS:
        raise BadTokenError(f"the algorithm is none of {', '.join(ALGORITHMS)}")
    return name


def seed_of(secret: str, *, algorithm: str = "sha1", digits: int = 6, interval: int = 30) -> Seed:
    """Return a seed that codes can be made of, at least 128 bits (RFC 4226 R6)."""
    if digits not in DIGITS:
        raise BadTokenError(f"it makes codes of {digits} digits; 6 or 8 are understood")
    if interval not in INTERVALS:
        raise BadTokenError(f"its codes last {interval} s; {INTERVALS[0]} to {INTERVALS[-1]} are understood")
    return Seed.from_text(secret, algorithm=algorithm, digits=digits, interval=interval)


def collect(
    items: Iterable[tuple[int, Item]], make: Callable[[int, Item], Entry], *, unit: str = "line"
) -> Parsed:
    """Make each entry, and a problem of each that cannot be made or names a user for the second time."""
    entries: dict[str, Entry] = {}
    problems: list[Problem] = []
    for number, item in items:
        try:
            entry = make(number, item)
        except (BadTokenError, SeedError) as error:
            problems.append(Problem(number, str(error)))
            continue
        first = entries.setdefault(entry.user, entry)
        if first is not entry:
            problems.append(Problem(number, f"its user has {unit} {first.number} already"))
    return Parsed(tuple(entries.values()), tuple(problems), unit)
