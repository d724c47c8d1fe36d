"""Enrolment: the code that an administrator hands out, and the new token until its owner has confirmed it."""

import datetime
import secrets
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from authenticator.passcode import Seed, matching_steps, normalise
from authenticator.store.codes import make_code, plain
from authenticator.store.database import Database, count, utc
from authenticator.store.errors import UnreadableTokenError
from authenticator.store.recovery import keep_codes, make_codes
from authenticator.store.replacing import replace_token
from authenticator.store.schema import EnrolmentRow, PendingRow
from authenticator.store.seeds import keep_seed, seed_of

__all__ = ["Enrolments", "Pending"]

GROUPS, SIGNS = 4, 5
PENDING_BYTES: Final = 32
TRIES: Final = 10


@dataclass(frozen=True, slots=True)
class Pending:
    """A token that waits for its owner to type one code of it; `how` the owner came to it."""

    user: str
    seed: Seed
    how: str
    expires: datetime.datetime
    tries_left: int


class Enrolments:
    """One enrolment code and one token to be confirmed for each user."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # ----- the administrator's code ---------------------------------------------------------

    def issue(self, user: str, *, by: str, now: float, hours: float = 24) -> str:
        """Make a code, to be shown once; it takes the place of an earlier one and of what that began."""
        code = make_code(GROUPS, SIGNS)
        row = EnrolmentRow(
            user=user,
            digest=self._database.digest("enrolment", _of(user, code)),
            issued_by=by,
            issued=int(now),
            expires=int(now + hours * 3600),
        )
        self._clean(now)
        with self._database.writing(user) as session:
            _withdraw(session, user)
            session.add(row)
        return code

    def valid(self, user: str, code: str, *, now: float) -> bool:
        """Tell whether this is the user's code; it stays so until a token is confirmed with it."""
        digests = self._database.digests("enrolment", _of(user, code))
        with self._database.reading() as session:
            good = (EnrolmentRow.user == user, EnrolmentRow.digest.in_(digests), EnrolmentRow.expires > now)
            return session.scalar(select(EnrolmentRow.user).where(*good)) is not None

    def issued(self, user: str, *, now: float) -> datetime.datetime | None:
        """Return until when the user's code is good, or None when there is none."""
        with self._database.reading() as session:
            good = (EnrolmentRow.user == user, EnrolmentRow.expires > now)
            expires = session.scalar(select(EnrolmentRow.expires).where(*good))
        return None if expires is None else utc(expires)

    def withdraw(self, user: str) -> None:
        """Make the user's code void, and what waits to be confirmed."""
        with self._database.writing(user) as session:
            _withdraw(session, user)

    # ----- the owner's confirmation ---------------------------------------------------------

    def begin(self, user: str, seed: Seed, *, how: str, now: float, minutes: float = 15) -> str:
        """Keep a new seed until its owner has confirmed it, and return the name that the owner knows it by.

        A user has one: whoever begins again makes the earlier one void.
        """
        name = secrets.token_urlsafe(PENDING_BYTES)
        row = PendingRow(
            digest=self._database.digest("pending", name),
            user=user,
            how=how,
            tries_left=TRIES,
            expires=int(now + minutes * 60),
        )
        keep_seed(self._database, row, seed)
        self._clean(now)
        with self._database.writing(user) as session:
            count(session, delete(PendingRow).where(PendingRow.user == user))
            session.add(row)
        return name

    def pending(self, pending_id: str, *, now: float) -> Pending | None:
        """Return what waits under this name, or None when nothing does any more."""
        with self._database.reading() as session:
            row = session.scalars(select(PendingRow).where(*self._open(pending_id, now))).one_or_none()
        try:
            return None if row is None else _pending(row, seed_of(self._database, row))
        except UnreadableTokenError:
            return None

    def confirm(
        self, pending_id: str, code: str, *, label: str, window: int, now: float
    ) -> tuple[str, ...] | None:
        """Make the token the user's when the code is one of it; return ten new recovery codes.

        The code is used up by that, and so is the enrolment code. None means a wrong code, or that nothing
        waits under this name any more: see `pending`.
        """
        waiting = self._try(pending_id, now)
        steps = _steps(waiting, code, now=now, window=window)
        if waiting is None or not steps:
            return None
        codes, rows = make_codes(waiting.user, now=now)
        with self._database.writing(waiting.user) as session:
            if not self._take(session, pending_id):
                return None
            count(session, delete(EnrolmentRow).where(EnrolmentRow.user == waiting.user))
            replace_token(
                session,
                self._database,
                waiting.user,
                waiting.seed,
                now=now,
                label=label,
                last_step=max(steps),
            )
            keep_codes(session, waiting.user, rows)
        return codes

    def _try(self, pending_id: str, now: float) -> Pending | None:
        """Take one of the tries before anything is compared, so that nobody makes many at once."""
        one_less = update(PendingRow).where(*self._open(pending_id, now))
        with self._database.writing() as session:
            if not count(session, one_less.values(tries_left=PendingRow.tries_left - 1)):
                return None
            named = PendingRow.digest.in_(self._digests(pending_id))
            row = session.scalars(select(PendingRow).where(named)).one()
        try:
            return _pending(row, seed_of(self._database, row))
        except UnreadableTokenError:
            return None

    def _take(self, session: Session, pending_id: str) -> bool:
        named = PendingRow.digest.in_(self._digests(pending_id))
        return count(session, delete(PendingRow).where(named)) == 1

    def _digests(self, pending_id: str) -> tuple[str, ...]:
        return self._database.digests("pending", pending_id)

    def _open(self, pending_id: str, now: float) -> tuple[ColumnElement[bool], ...]:
        named = PendingRow.digest.in_(self._digests(pending_id))
        return named, PendingRow.expires > now, PendingRow.tries_left > 0

    def _clean(self, now: float) -> None:
        for table, key in ((EnrolmentRow, EnrolmentRow.user), (PendingRow, PendingRow.digest)):
            # Those that somebody is changing at this moment are left for the next time.
            old = select(key).where(table.expires <= now).with_for_update(skip_locked=True)
            with self._database.writing() as session:
                count(session, delete(table).where(key.in_(old)))


def _of(user: str, code: str) -> str:
    return f"{user}\n{plain(code)}"


def _withdraw(session: Session, user: str) -> None:
    count(session, delete(PendingRow).where(PendingRow.user == user))
    count(session, delete(EnrolmentRow).where(EnrolmentRow.user == user))


def _steps(waiting: Pending | None, code: str, *, now: float, window: int) -> tuple[int, ...]:
    digits = normalise(code)
    if waiting is None or digits is None or len(digits) != waiting.seed.digits:
        return ()
    return matching_steps(waiting.seed, digits, now=now, window=window)


def _pending(row: PendingRow, seed: Seed) -> Pending:
    return Pending(row.user, seed, row.how, utc(row.expires), row.tries_left)
