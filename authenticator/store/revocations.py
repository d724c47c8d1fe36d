"""Whose sessions are to end: asked for by an administrator, carried out by every hub of the store.

A row stays when it has been carried out. It says that what the user held before that moment is not good,
which is as true for a hub that starts next week, so nobody has to note what was done; see
`authenticator.sessions`.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, select

from authenticator.store.database import Database
from authenticator.store.schema import RevocationRow

__all__ = ["Revocation", "Revocations"]

KEPT_SECONDS: Final = 366 * 86400  # longer than anything that a user holds is good
AT_ONCE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Revocation:
    """A request to end all sessions of `user` that are older than `requested` (Unix seconds)."""

    id: int
    user: str
    reason: str
    by: str
    requested: float


class Revocations:
    """Requests to end sessions, the newest of each user."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def request(self, user: str, *, reason: str, by: str, now: float) -> int:
        """Ask all hubs to end what the user holds now; return the number of the request."""
        row = RevocationRow(user=user, reason=reason, by=by, requested=now)
        with self._database.writing(user) as session:
            session.add(row)
            session.flush()
            # After the new one is in: SQLite gives the highest number again once nothing has it any more.
            session.execute(
                delete(RevocationRow).where(RevocationRow.user == user, RevocationRow.id < row.id)
            )
            return row.id

    def newer_than(self, number: int, *, now: float) -> list[Revocation]:
        """Return the requests with a higher number, oldest first, and forget those of long ago."""
        query = select(RevocationRow).where(RevocationRow.id > number).order_by(RevocationRow.id)
        with self._database.reading() as session:
            rows = session.scalars(query.limit(AT_ONCE)).all()
        fresh = [row for row in rows if row.requested > now - KEPT_SECONDS]
        if len(fresh) < len(rows):
            self._forget(now)
        return [Revocation(row.id, row.user, row.reason, row.by, row.requested) for row in fresh]

    def _forget(self, now: float) -> None:
        newest = select(RevocationRow.id).order_by(RevocationRow.id.desc()).limit(1).scalar_subquery()
        old = delete(RevocationRow).where(
            RevocationRow.requested <= now - KEPT_SECONDS, RevocationRow.id != newest
        )
        with self._database.writing("revocations that are over") as session:
            session.execute(old)
