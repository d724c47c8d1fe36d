"""The tokens of the users: encrypted seeds, and the last step each has used.

What keeps a code from being used twice is one conditional UPDATE (`claim`), which the database makes atomic:
of all who ever try a step, in whatever process, one succeeds.
"""

import datetime
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import case, delete, exists, select, update

from authenticator.passcode import Seed
from authenticator.store import seeds
from authenticator.store.database import Database, count, utc
from authenticator.store.replacing import RECOVERED, replace_token
from authenticator.store.schema import PendingRow, TokenRow

__all__ = ["FARTHEST_DRIFT", "RECOVERED", "Token", "TokenListing", "Tokens"]

FARTHEST_DRIFT: Final = 5
"""How many steps the drift may go from where the last resynchronisation left it (RFC 6238 §6)."""


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
        return None if row is None else _token(row, seeds.seed_of(self._database, row))

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
            return count(session, update(TokenRow).where(*usable).values(values)) == 1

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
            count(session, delete(PendingRow).where(PendingRow.user == user))
            return count(session, delete(TokenRow).where(TokenRow.user == user)) == 1

    def disable(self, user: str, *, why: str) -> bool:
        """Let no code of the token in, and end what waits to be confirmed; False when there is no token."""
        with self._database.writing(user) as session:
            count(session, delete(PendingRow).where(PendingRow.user == user))
            there = update(TokenRow).where(TokenRow.user == user).values(disabled=why)
            return count(session, there) == 1

    def enable(self, user: str) -> bool:
        """Let the token's codes in again; False when there is none that was disabled."""
        with self._database.writing(user) as session:
            disabled = (TokenRow.user == user, TokenRow.disabled.is_not(None))
            return count(session, update(TokenRow).where(*disabled).values(disabled=None)) == 1

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
        return sum(not seeds.opens(self._database, row) for row in rows), len(rows)

    def reseal(self) -> int:
        """Encrypt all that is encrypted with the previous key with the current one; return how many.

        What no key opens stays as it is. Running it twice, or while people log in, does no harm.
        """
        return seeds.reseal(self._database)


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
