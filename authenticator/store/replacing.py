"""Giving a user another token, as a part of whatever else changes in the same transaction."""

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from authenticator.passcode import Seed, step_at
from authenticator.store.database import Database
from authenticator.store.schema import NEVER_USED, TokenRow
from authenticator.store.seeds import keep_seed, opens, seed_of, token_id

__all__ = ["RECOVERED", "replace_token"]

RECOVERED: Final = "recovery"
"""Why a token is disabled whose owner logged in with a recovery code; a new token ends it."""


def replace_token(
    session: Session,
    database: Database,
    user: str,
    seed: Seed,
    *,
    now: float,
    label: str = "",
    last_step: int | None = None,
) -> bool:
    """Do what `Tokens.put` does, in the session of a change to this user."""
    used = NEVER_USED if last_step is None else last_step
    chosen = select(TokenRow).where(TokenRow.user == user)
    row = session.scalars(chosen.with_for_update()).one_or_none()
    if row is not None and opens(database, row) and seed_of(database, row) == seed:
        keep_seed(database, row, seed)
        row.label = label or row.label
        row.last_step = max(row.last_step, used)
        row.disabled = _still_disabled(row)
        return False
    disabled = None
    if row is not None:
        disabled = _still_disabled(row)
        if row.interval == seed.interval:
            used = max(used, min(row.last_step, step_at(seed, now)))
        session.delete(row)
        session.flush()
    _add(session, database, user, seed, TokenRow(last_step=used, label=label, disabled=disabled), now)
    return True


def _add(session: Session, database: Database, user: str, seed: Seed, row: TokenRow, now: float) -> None:
    row.id, row.user, row.created = token_id(), user, int(now)
    keep_seed(database, row, seed)
    session.add(row)


def _still_disabled(row: TokenRow) -> str | None:
    return None if row.disabled == RECOVERED else row.disabled
