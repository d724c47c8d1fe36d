"""Rows that hold a seed: tokens, and those that wait to be confirmed."""

import secrets
from typing import Any, Final

from sqlalchemy import select

from authenticator.passcode import Seed
from authenticator.store.database import Database
from authenticator.store.errors import UnreadableTokenError
from authenticator.store.schema import PendingRow, TokenRow

__all__ = ["keep_seed", "opens", "reseal", "seed_of", "token_id"]

RESEALED_AT_ONCE: Final = 200


def token_id() -> str:
    return secrets.token_hex(16)


def keep_seed(database: Database, row: TokenRow | PendingRow, seed: Seed) -> None:
    """Put a seed into a row that has its user and its id already."""
    row.secret, row.key_id = database.seal(seed.secret, _bound_to(row)), database.key_id
    row.digits, row.interval, row.algorithm = seed.digits, seed.interval, seed.algorithm


def seed_of(database: Database, row: TokenRow | PendingRow) -> Seed:
    """Take the seed out of a row.

    Raises
    ------
    UnreadableTokenError
        When our keys do not open it, or it was copied from elsewhere.
    """
    secret = database.unseal(row.secret, row.key_id, _bound_to(row))
    return Seed(secret, digits=row.digits, interval=row.interval, algorithm=row.algorithm)


def opens(database: Database, row: TokenRow | PendingRow) -> bool:
    try:
        seed_of(database, row)
    except UnreadableTokenError:
        return False
    return True


def reseal(database: Database) -> int:
    """Encrypt with the current key what is encrypted with the previous one; return how many rows."""
    return _reseal(database, TokenRow, TokenRow.id) + _reseal(database, PendingRow, PendingRow.digest)


def _reseal(database: Database, table: type[Any], key: Any) -> int:
    with database.reading() as session:
        old = list(session.scalars(select(key).where(table.key_id != database.key_id)))
    done = 0
    for start in range(0, len(old), RESEALED_AT_ONCE):
        with database.writing() as session:
            chosen = select(table).where(key.in_(old[start : start + RESEALED_AT_ONCE]))
            for row in session.scalars(chosen.order_by(key).with_for_update()):
                done += _reseal_row(database, row)
    return done


def _reseal_row(database: Database, row: TokenRow | PendingRow) -> bool:
    if row.key_id == database.key_id or not opens(database, row):
        return False
    keep_seed(database, row, seed_of(database, row))
    return True


def _bound_to(row: TokenRow | PendingRow) -> str:
    """Associated data: a ciphertext copied to another user's row, or another table, does not open."""
    if isinstance(row, PendingRow):
        return f"pending\n{row.user}\n{row.digest}"
    return f"{row.user}\n{row.id}"
