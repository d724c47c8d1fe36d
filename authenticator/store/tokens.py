"""The tokens of the users: encrypted seeds, and the last step each has used.

What keeps a code from being used twice is one conditional UPDATE (`claim`), which the database makes atomic:
of all who ever try a step, in whatever process, one succeeds.
"""

import datetime
import secrets
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import CursorResult, case, delete, exists, select, update
from sqlalchemy.orm import Session

from authenticator.passcode import Seed, step_at
from authenticator.store.database import Database
from authenticator.store.errors import UnreadableTokenError
from authenticator.store.schema import NEVER_USED, PendingRow, TokenRow

__all__ = ["FARTHEST_DRIFT", "RECOVERED", "Token", "TokenListing", "Tokens", "replace_token"]

RECOVERED: Final = "recovery"
"""Why a token is disabled whose owner logged in with a recovery code; a new token ends it."""

FARTHEST_DRIFT: Final = 5
"""How many steps the drift may go from where the last resynchronisation left it (RFC 6238 §6)."""

RESEALED_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Token:
    """A user's token as the login needs it; `drift` says how many steps its clock is ahead of ours."""

    id: str
    user: str
    seed: Seed
    last_step: int
    drift: int
    drift_base: int
    disabled: bool
    label: str
    created: datetime.datetime
    last_used: datetime.datetime | None


@dataclass(frozen=True, slots=True)
class TokenListing:
    """What an administrator may see of a token; `why` it is disabled, or nothing."""

    user: str
    label: str
    created: datetime.datetime
    last_used: datetime.datetime | None
    disabled: bool
    why: str


class Tokens:
    """One token a user."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, user: str) -> Token | None:
        """Return the user's token, or None when there is none.

        Raises
        ------
        UnreadableTokenError
            When it cannot be decrypted: treat it as a wrong code, and tell the administrator.
        """
        with self._database.reading() as session:
            row = session.scalars(select(TokenRow).where(TokenRow.user == user)).one_or_none()
        return None if row is None else _token(row, seed_of(self._database, row))

    def has(self, user: str) -> bool:
        """Tell whether there is a token, be it disabled or unreadable."""
        with self._database.reading() as session:
            return bool(session.scalar(select(exists().where(TokenRow.user == user))))

    def disabled_why(self, user: str) -> str | None:
        """Return why the user's token is disabled; None when it is not, or when there is none."""
        with self._database.reading() as session:
            return session.scalar(select(TokenRow.disabled).where(TokenRow.user == user))

    def claim(self, token_id: str, step: int, *, drift: int | None = None, now: float) -> bool:
        """Use up a step; True for exactly one of all who ever try, and for none with an older step.

        `drift` is kept as far as it is near enough to where the last resynchronisation left it.
        """
        values: dict[Any, Any] = {TokenRow.last_step: step, TokenRow.last_used: int(now)}
        if drift is not None:
            least, most = TokenRow.drift_base - FARTHEST_DRIFT, TokenRow.drift_base + FARTHEST_DRIFT
            values[TokenRow.drift] = case((least > drift, least), (most < drift, most), else_=drift)
        return self._use(token_id, step, values)

    def resync(self, token_id: str, step: int, drift: int, now: float) -> bool:
        """Use up a step and take this drift for the right one (RFC 4226 §7.4)."""
        values = {
            TokenRow.last_step: step,
            TokenRow.last_used: int(now),
            TokenRow.drift: drift,
            TokenRow.drift_base: drift,
        }
        return self._use(token_id, step, values)

    def _use(self, token_id: str, step: int, values: dict[Any, Any]) -> bool:
        usable = (TokenRow.id == token_id, TokenRow.last_step < step, TokenRow.disabled.is_(None))
        with self._database.writing() as session:
            return _count(session, update(TokenRow).where(*usable).values(values)) == 1

    def put(
        self, user: str, seed: Seed, *, now: float, label: str = "", last_step: int | None = None
    ) -> bool:
        """Give the user this token; True when it is another one than before.

        With the same seed nothing changes but the key it is encrypted with, and the label if one is given.
        With another seed the last used step stays (up to the present one), so that going back and forth
        between seeds revives no code. A token that an administrator has disabled stays disabled.
        """
        with self._database.writing(user) as session:
            return replace_token(
                session, self._database, user, seed, now=now, label=label, last_step=last_step
            )

    def remove(self, user: str) -> bool:
        """Take the user's token away, and the one that waits to be confirmed; False when there was none."""
        with self._database.writing(user) as session:
            _count(session, delete(PendingRow).where(PendingRow.user == user))
            return _count(session, delete(TokenRow).where(TokenRow.user == user)) == 1

    def disable(self, user: str, *, why: str) -> bool:
        """Let no code of the token in, and end what waits to be confirmed; False when there is no token."""
        with self._database.writing(user) as session:
            _count(session, delete(PendingRow).where(PendingRow.user == user))
            there = update(TokenRow).where(TokenRow.user == user).values(disabled=why)
            return _count(session, there) == 1

    def enable(self, user: str) -> bool:
        """Let the token's codes in again; False when there is none that was disabled."""
        with self._database.writing(user) as session:
            disabled = (TokenRow.user == user, TokenRow.disabled.is_not(None))
            return _count(session, update(TokenRow).where(*disabled).values(disabled=None)) == 1

    def find(self, user: str) -> TokenListing | None:
        """Return what an administrator may see of the user's token, or None when there is none."""
        with self._database.reading() as session:
            row = session.scalars(select(TokenRow).where(TokenRow.user == user)).one_or_none()
            return None if row is None else _listing(row)

    def listing(self) -> list[TokenListing]:
        """Return who has a token since when, by name; nothing of any secret."""
        with self._database.reading() as session:
            return [_listing(row) for row in session.scalars(select(TokenRow).order_by(TokenRow.user))]

    def listed(self, user: str) -> TokenListing | None:
        """Return the same of one user's token."""
        with self._database.reading() as session:
            row = session.scalars(select(TokenRow).where(TokenRow.user == user)).one_or_none()
            return None if row is None else _listing(row)

    def unreadable(self) -> tuple[int, int]:
        """Return how many tokens our keys do not open, and how many there are."""
        with self._database.reading() as session:
            rows = session.scalars(select(TokenRow)).all()
        return sum(not _opens(self._database, row) for row in rows), len(rows)

    def reseal(self) -> int:
        """Encrypt all that is encrypted with the previous key with the current one; return how many.

        What no key opens stays as it is. Running it twice, or while people log in, does no harm.
        """
        return _reseal(self._database, TokenRow, TokenRow.id) + _reseal(
            self._database, PendingRow, PendingRow.digest
        )


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
    """Do what `Tokens.put` does, as a part of a larger change to the user."""
    chosen = select(TokenRow).where(TokenRow.user == user)
    row = session.scalars(chosen.with_for_update()).one_or_none()
    if row is not None and _opens(database, row) and seed_of(database, row) == seed:
        row.secret, row.key_id = database.seal(seed.secret, _bound_to(row)), database.key_id
        row.label = label or row.label
        row.last_step = max(row.last_step, NEVER_USED if last_step is None else last_step)
        row.disabled = _still_disabled(row)
        return False
    used, disabled = NEVER_USED if last_step is None else last_step, None
    if row is not None:
        disabled = _still_disabled(row)
        if row.interval == seed.interval:
            used = max(used, min(row.last_step, step_at(seed, now)))
        session.delete(row)
        session.flush()
    session.add(_new_row(database, user, seed, used, label, disabled, now))
    return True


def seed_of(database: Database, row: TokenRow | PendingRow) -> Seed:
    secret = database.unseal(row.secret, row.key_id, _bound_to(row))
    return Seed(secret, digits=row.digits, interval=row.interval, algorithm=row.algorithm)


def _still_disabled(row: TokenRow) -> str | None:
    return None if row.disabled == RECOVERED else row.disabled


def _new_row(
    database: Database, user: str, seed: Seed, used: int, label: str, disabled: str | None, now: float
) -> TokenRow:
    row = TokenRow(
        id=secrets.token_hex(16),
        user=user,
        key_id=database.key_id,
        digits=seed.digits,
        interval=seed.interval,
        algorithm=seed.algorithm,
        last_step=used,
        created=int(now),
        disabled=disabled,
        label=label,
        last_used=None,
    )
    row.secret = database.seal(seed.secret, _bound_to(row))
    return row


def _bound_to(row: TokenRow | PendingRow) -> str:
    """Associated data: a ciphertext copied to another user's row, or another table, does not open."""
    if isinstance(row, PendingRow):
        return f"pending\n{row.user}\n{row.digest}"
    return f"{row.user}\n{row.id}"


def _opens(database: Database, row: TokenRow | PendingRow) -> bool:
    try:
        seed_of(database, row)
    except UnreadableTokenError:
        return False
    return True


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
    if row.key_id == database.key_id or not _opens(database, row):
        return False
    row.secret, row.key_id = database.seal(seed_of(database, row).secret, _bound_to(row)), database.key_id
    return True


def _count(session: Session, statement: Any) -> int:
    done: CursorResult[Any] = session.execute(  # type: ignore[assignment]
        statement, execution_options={"synchronize_session": False}
    )
    return done.rowcount


def _token(row: TokenRow, seed: Seed) -> Token:
    return Token(
        id=row.id,
        user=row.user,
        seed=seed,
        last_step=row.last_step,
        drift=row.drift,
        drift_base=row.drift_base,
        disabled=row.disabled is not None,
        label=row.label,
        created=utc(row.created),
        last_used=None if row.last_used is None else utc(row.last_used),
    )


def _listing(row: TokenRow) -> TokenListing:
    used = None if row.last_used is None else utc(row.last_used)
    return TokenListing(
        row.user, row.label, utc(row.created), used, row.disabled is not None, row.disabled or ""
    )


def utc(seconds: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)
