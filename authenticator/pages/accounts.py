"""How everybody's second factor stands, for administrators: never a secret, a page at a time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from authenticator.pages.words import Sentence, why_words
from authenticator.store import Store, TokenListing
from authenticator.throttle import Throttle

__all__ = ["PER_PAGE", "Listed", "Row", "listed", "row_of"]

PER_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Row:
    """One account.

    Attributes
    ----------
    why
        Why its device is out of use; empty when it is not.
    waits, locked
        Whether it must not be tried for a while, or until an administrator opens it again.
    issued
        Until when an enrolment code is good, if there is one.
    """

    name: str
    label: str = ""
    created: datetime | None = None
    last_used: datetime | None = None
    why: str = ""
    waits: bool = False
    locked: bool = False
    issued: datetime | None = None
    recovery_left: int = 0

    @property
    def has_device(self) -> bool:
        return self.created is not None

    @property
    def why_words(self) -> Sentence:
        return why_words(self.why)


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of all accounts."""

    rows: Sequence[Row]
    total: int
    page: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PER_PAGE))


def listed(
    store: Store, throttle: Throttle, *, hub_users: Iterable[str], search: str, page: int, now: float
) -> Listed:
    """Return a page of the accounts that have a device or that the hub knows, by name.

    `search` is part of a name, or of a device's.
    """
    tokens = {entry.user: entry for entry in store.tokens.listing()}
    found = [
        name for name in sorted({*tokens, *hub_users}) if _matches(name, tokens.get(name), search.lower())
    ]
    page = min(max(1, page), max(1, -(-len(found) // PER_PAGE)))
    shown = found[(page - 1) * PER_PAGE : page * PER_PAGE]
    return Listed(_rows(store, throttle, {name: tokens.get(name) for name in shown}, now), len(found), page)


def row_of(store: Store, throttle: Throttle, name: str, *, now: float) -> Row:
    """Return how one account stands."""
    return _rows(store, throttle, {name: store.tokens.listed(name)}, now)[0]


def _matches(name: str, entry: TokenListing | None, search: str) -> bool:
    return search in name or (entry is not None and search in entry.label.lower())


def _rows(
    store: Store, throttle: Throttle, entries: Mapping[str, TokenListing | None], now: float
) -> list[Row]:
    waiting = {each.user: each.seconds for each in throttle.locked(entries, now=now)}
    return [
        Row(
            name,
            label=entry.label if entry else "",
            created=entry.created if entry else None,
            last_used=entry.last_used if entry else None,
            why=(entry.why or "administrator") if entry and entry.disabled else "",
            waits=waiting.get(name) is not None,
            locked=name in waiting and waiting[name] is None,
            issued=store.enrolments.issued(name, now=now),
            recovery_left=store.recovery.left(name),
        )
        for name, entry in entries.items()
    ]
