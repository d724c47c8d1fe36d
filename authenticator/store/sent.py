"""What was sent to somebody else's server as a code, so that no hub sends it twice."""

from sqlalchemy import delete, select

from authenticator.store.database import Database
from authenticator.store.schema import SentRow

__all__ = ["Sent"]

PURPOSE = "sent code"
PURGE = "sent codes that are over"


class Sent:
    """Remembers codes of other servers for some minutes, as keyed digests, for all hubs of the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, user: str, sent: bytes, *, now: float, seconds: int) -> bool:
        """Return True to exactly one of all who claim the same within so many seconds."""
        text = f"{user}\n{sent.hex()}"
        digests = self._database.digests(PURPOSE, text)
        known = select(SentRow.digest).where(SentRow.digest.in_(digests), SentRow.until > now)
        self._forget(now)
        with self._database.writing(user) as session:
            if session.scalars(known).first() is not None:
                return False
            session.merge(SentRow(digest=digests[0], until=int(now) + seconds))
            return True

    def _forget(self, now: float) -> None:
        # A transaction of its own, one at a time: two that delete the same rows could wait for each other.
        with self._database.writing(PURGE) as session:
            session.execute(delete(SentRow).where(SentRow.until <= now))
