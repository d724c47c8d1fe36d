"""Recovery codes: ten for each user, each good for one login without the device.

A code has 80 random bits, which nobody guesses; scrypt with a salt for each set is what ASVS 5.0 (6.5.2) asks
of less than 112 bits all the same.
"""

import hashlib
import hmac
import secrets
from typing import Final

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from authenticator.store.codes import make_code, plain
from authenticator.store.database import Database, count
from authenticator.store.schema import RecoveryRow

__all__ = ["HOW_MANY", "RecoveryCodes", "keep_codes", "make_codes"]

HOW_MANY: Final = 10
GROUPS, SIGNS = 4, 4
SALT_BYTES: Final = 16
# Stands in for the salt of somebody who has no codes, so that the time taken tells nothing.
NO_SALT: Final = bytes(SALT_BYTES)


class RecoveryCodes:
    """The recovery codes of everybody; the codes themselves are nowhere."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def replace(self, user: str, *, now: float) -> tuple[str, ...]:
        """Make ten new codes, and the earlier ones void; they are to be shown once."""
        codes, rows = make_codes(user, now=now)
        with self._database.writing(user) as session:
            keep_codes(session, user, rows)
        return codes

    def check(self, user: str, code: str) -> str | None:
        """Return the id of the user's unused code that this is, or None; it is not used up by that."""
        with self._database.reading() as session:
            rows = session.scalars(select(RecoveryRow).where(*_unused(user))).all()
        hashes = {salt: _hash(code, salt) for salt in {row.salt for row in rows} or {NO_SALT}}
        found = [row.id for row in rows if hmac.compare_digest(row.hash, hashes[row.salt])]
        return found[0] if found else None

    def use(self, code_id: str, *, now: float) -> bool:
        """Use a code up; True for exactly one of all who ever try."""
        unused = (RecoveryRow.id == code_id, RecoveryRow.used.is_(None))
        with self._database.writing() as session:
            return count(session, update(RecoveryRow).where(*unused).values(used=int(now))) == 1

    def left(self, user: str) -> int:
        """Return how many codes the user has not used yet."""
        with self._database.reading() as session:
            return session.scalar(select(func.count(RecoveryRow.id)).where(*_unused(user))) or 0

    def remove(self, user: str) -> None:
        """Make all codes of the user void."""
        with self._database.writing(user) as session:
            keep_codes(session, user, [])


def make_codes(user: str, *, now: float) -> tuple[tuple[str, ...], list[RecoveryRow]]:
    """Return a set of codes and what is kept of it. It takes a moment: do it outside of transactions."""
    salt = secrets.token_bytes(SALT_BYTES)
    codes = tuple(make_code(GROUPS, SIGNS) for _ in range(HOW_MANY))
    return codes, [
        RecoveryRow(
            id=secrets.token_hex(16),
            user=user,
            salt=salt,
            hash=_hash(code, salt),
            created=int(now),
            used=None,
        )
        for code in codes
    ]


def keep_codes(session: Session, user: str, rows: list[RecoveryRow]) -> None:
    """Put a set in the place of the earlier one, as a part of a change to this user."""
    count(session, delete(RecoveryRow).where(RecoveryRow.user == user))
    session.add_all(rows)


def _unused(user: str) -> tuple[ColumnElement[bool], ...]:
    return RecoveryRow.user == user, RecoveryRow.used.is_(None)


def _hash(code: str, salt: bytes) -> bytes:
    # 4 MiB and some 8 ms, ten times for a set: a long wait would add nothing to 80 random bits.
    return hashlib.scrypt(plain(code).encode(errors="replace"), salt=salt, n=2**12, r=8, p=1, dklen=32)
