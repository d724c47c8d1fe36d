"""The failures of accounts and addresses, counted for all hubs that share the store.

Every change holds the rows it is about: an upsert that changes nothing makes them and locks them in one
statement, on SQLite (which locks the database) as on PostgreSQL (which locks the rows).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from sqlalchemy import CursorResult, Delete, Table, case, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from authenticator.store.database import Database
from authenticator.store.schema import AttemptRow

__all__ = ["NOTHING", "Attempts", "Counter", "Kind", "Subject"]


@dataclass(frozen=True, slots=True)
class Counter:
    """What is remembered of an account or an address.

    Attributes
    ----------
    failures
        An account's failures in a row.
    level
        An account's failures that lengthen the wait; an address's debt.
    last
        Unix time that `level` is of: the last attempt.
    """

    failures: int = 0
    level: float = 0.0
    last: float = 0.0


NOTHING: Final = Counter()
VARIABLES_AT_MOST: Final = 500
"""Digests in one question; SQLite may be built for 999."""
Kind = Literal["account", "address"]
Decide = Callable[[tuple[Counter, ...]], tuple[Counter, ...] | None]

_TABLE: Final = cast(Table, AttemptRow.__table__)
_C: Final = _TABLE.c
_COLUMNS: Final = (_C.subject, _C.failures, _C.level, _C.last)


@dataclass(frozen=True, slots=True)
class Subject:
    """An account or an address as the store knows it: by keyed digests, the current key's first."""

    kind: Kind
    digests: tuple[str, ...]


class Attempts:
    """The table ``login_attempts``. What the numbers mean is `authenticator.throttle`'s affair."""

    def __init__(self, database: Database) -> None:
        self._database = database
        dialect = database.engine.dialect.name
        self._insert: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert

    def account(self, name: str) -> Subject:
        return Subject("account", self._database.digests("login account", name))

    def address(self, bucket: str) -> Subject:
        return Subject("address", self._database.digests("login address", bucket))

    # ----- one attempt ----------------------------------------------------------------------

    def find(self, *subjects: Subject) -> tuple[Counter, ...]:
        """Return what is known of each, without holding it."""
        with self._database.reading() as session:
            found = _read(session, [digest for each in subjects for digest in each.digests])
        return tuple(_first(found, each.digests) for each in subjects)

    def change(self, subjects: Sequence[Subject], decide: Decide) -> tuple[Counter, ...]:
        """Hold these rows, write what `decide` makes of them (None: nothing), and return what they were."""
        with self._database.writing() as session:
            held = self._hold(session, subjects)
            decided = decide(held)
            if decided is None:
                session.rollback()
            else:
                self._write(session, subjects, decided)
        return held

    def succeeded(self, address: Subject, account: Subject, *, charge: float) -> None:
        """Change the level of the address by so much, and forget the account's failures."""
        with self._database.writing() as session:
            _charge(session, address, charge)
            _remove(session, account.digests)

    def failed(self, address: Subject, account: Subject, *, charge: float) -> Counter:
        """Change the level of the address by so much; return the account's counter."""
        with self._database.writing() as session:
            _charge(session, address, charge)
            return _first(_read(session, account.digests), account.digests)

    def remove(self, subject: Subject) -> bool:
        """Forget everything about one; False when there was nothing."""
        with self._database.writing() as session:
            return _remove(session, subject.digests) > 0

    def _hold(self, session: Session, subjects: Sequence[Subject]) -> tuple[Counter, ...]:
        older = [digest for each in subjects for digest in each.digests[1:]]
        # Only while a previous key is kept: what was counted with it goes on under the current one.
        known = _read(session, older) if older else {}
        insert = self._insert(_TABLE).values(
            [_values(each, _first(known, each.digests[1:])) for each in subjects]
        )
        held = session.execute(
            insert.on_conflict_do_update(index_elements=["subject"], set_={"last": _C.last}).returning(
                *_COLUMNS
            )
        )
        rows = {row.subject: _counter(row) for row in held}
        if known:
            _remove(session, list(known))
        return tuple(rows[each.digests[0]] for each in subjects)

    def _write(self, session: Session, subjects: Sequence[Subject], counters: Sequence[Counter]) -> None:
        rows = [_values(subject, counter) for subject, counter in zip(subjects, counters, strict=True)]
        insert = self._insert(_TABLE).values(rows)
        changed = {name: insert.excluded[name] for name in ("failures", "level", "last")}
        session.execute(insert.on_conflict_do_update(index_elements=["subject"], set_=changed))

    # ----- the table ------------------------------------------------------------------------

    def worst(self, most: int, known: Iterable[str] = ()) -> list[tuple[str, Counter]]:
        """Return digest and counter of accounts, those with the most failures in a row first.

        There are `most` of all accounts, and whoever is among `known`: who floods the table hides nobody.
        """
        accounts = select(*_COLUMNS).where(_C.kind == "account", _C.failures > 0)
        ranked = accounts.order_by(_C.failures.desc(), _C.last.desc()).limit(most)
        digests, found = list(known), dict[str, Counter]()
        with self._database.reading() as session:
            for first in range(0, len(digests), VARIABLES_AT_MOST):
                found |= _read(session, digests[first : first + VARIABLES_AT_MOST])
            found |= {row.subject: _counter(row) for row in session.execute(ranked)}
        return sorted(found.items(), key=lambda each: (-each[1].failures, -each[1].last))

    def forget(self, kind: Kind, *, before: float, below: int | None = None) -> int:
        """Delete what was last tried before a moment (with fewer failures than `below`); return how many."""
        old = select(_C.subject).where(_C.kind == kind, _C.last < before)
        return self._delete(old if below is None else old.where(_C.failures < below))

    def drop(self, kind: Kind, *, keep: int) -> int:
        """Delete those with the fewest failures, the oldest first, until no more than `keep` are left."""
        count = select(func.count()).select_from(_TABLE).where(_C.kind == kind)
        with self._database.reading() as session:
            over = session.execute(count).scalar_one() - keep
        if over <= 0:
            return 0
        least = select(_C.subject).where(_C.kind == kind)
        order = (_C.failures, _C.level, _C.last)
        return self._delete(least.order_by(*order).limit(over))

    def _delete(self, subjects: Any) -> int:
        # Two hubs may clean at once, each while others hold rows: what is held is left alone.
        free = subjects.with_for_update(skip_locked=True)
        with self._database.writing() as session:
            return _count(session, delete(_TABLE).where(_C.subject.in_(free)))


def _read(session: Session, digests: Iterable[str]) -> dict[str, Counter]:
    rows = session.execute(select(*_COLUMNS).where(_C.subject.in_(list(digests))))
    return {row.subject: _counter(row) for row in rows}


def _first(found: dict[str, Counter], digests: Iterable[str]) -> Counter:
    return next((found[digest] for digest in digests if digest in found), NOTHING)


def _charge(session: Session, address: Subject, amount: float) -> None:
    level = _C.level + amount
    charged = case((level > 0, level), else_=0.0)
    session.execute(update(_TABLE).where(_C.subject == address.digests[0]).values(level=charged))


def _remove(session: Session, digests: Sequence[str]) -> int:
    return _count(session, delete(_TABLE).where(_C.subject.in_(digests)))


def _count(session: Session, statement: Delete) -> int:
    return cast("CursorResult[Any]", session.execute(statement)).rowcount


def _values(subject: Subject, counter: Counter) -> dict[str, Any]:
    return {
        "subject": subject.digests[0],
        "kind": subject.kind,
        "failures": counter.failures,
        "level": counter.level,
        "last": counter.last,
    }


def _counter(row: Any) -> Counter:
    return Counter(row.failures, row.level, row.last)
