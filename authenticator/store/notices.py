"""What happened to somebody's tokens, until the person has been told."""

import datetime
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, select

from authenticator.store.database import Database, count, utc
from authenticator.store.schema import NoticeRow

__all__ = ["Notice", "Notices"]

MOST: Final = 20


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user must be told: what, who did it, when."""

    id: int
    event: str
    by: str
    created: datetime.datetime


class Notices:
    """At most twenty for each user, the newest."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, user: str, event: str, *, by: str, now: float) -> None:
        """Tell the user when there is an opportunity."""
        with self._database.writing(user) as session:
            session.add(NoticeRow(user=user, event=event, by=by, at=int(now)))
            session.flush()
            kept = (
                select(NoticeRow.id).where(NoticeRow.user == user).order_by(NoticeRow.id.desc()).limit(MOST)
            )
            older = (NoticeRow.user == user, NoticeRow.id.not_in(kept))
            count(session, delete(NoticeRow).where(*older))

    def unseen(self, user: str) -> list[Notice]:
        """Return what the user has not been told yet, oldest first."""
        with self._database.reading() as session:
            rows = session.scalars(select(NoticeRow).where(NoticeRow.user == user).order_by(NoticeRow.id))
            return [Notice(row.id, row.event, row.by, utc(row.at)) for row in rows]

    def seen(self, user: str, *, up_to: int | None = None) -> None:
        """Forget what the user has been told: all, or what is not newer than the notice of this id."""
        told = [NoticeRow.user == user]
        if up_to is not None:
            told.append(NoticeRow.id <= up_to)
        with self._database.writing(user) as session:
            count(session, delete(NoticeRow).where(*told))
