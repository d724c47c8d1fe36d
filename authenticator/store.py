"""The tokens of the users: encrypted seeds, and the last step each has used.

The store is shared by every process of the hub and by the administrator's command. What keeps a code from
being used twice is one conditional UPDATE (`claim`), which the database makes atomic.
"""

import datetime
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import BigInteger, CursorResult, Engine, create_engine, delete, event, select, update
from sqlalchemy.engine import make_url
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from authenticator.keys import Keys, id_of, private_file_problem
from authenticator.passcode import Seed, step_at

__all__ = ["StoreError", "Token", "TokenListing", "TokenStore", "UnreadableTokenError"]

NEVER_USED: Final = -1
BUSY_SECONDS: Final = 5
NONCE_BYTES: Final = 12


class StoreError(ValueError):
    """The store cannot be opened safely; the text says what to do."""


class UnreadableTokenError(Exception):
    """A token that none of our keys opens, or that was moved from another user."""


@dataclass(frozen=True, slots=True)
class Token:
    """A user's token as the login needs it."""

    id: str
    seed: Seed
    last_step: int


@dataclass(frozen=True, slots=True)
class TokenListing:
    """What an administrator may see of a token."""

    user: str
    created: datetime.datetime
    last_used: datetime.datetime | None


class _Base(DeclarativeBase):
    pass


class _Row(_Base):
    __tablename__ = "otp_tokens"

    id: Mapped[str] = mapped_column(primary_key=True)
    user: Mapped[str] = mapped_column(unique=True)
    secret: Mapped[bytes]
    key_id: Mapped[str]
    digits: Mapped[int]
    interval: Mapped[int]
    algorithm: Mapped[str]
    last_step: Mapped[int] = mapped_column(BigInteger)
    created: Mapped[int] = mapped_column(BigInteger)


class TokenStore:
    """Tokens in a database, SQLite by default.

    Parameters
    ----------
    url
        SQLAlchemy's; a SQLite file is made with mode 0600 and refused when others may read it.
    keys
        What the seeds are encrypted with.
    """

    def __init__(self, url: str, keys: Keys) -> None:
        self._keys = keys
        self._engine = _open(url)
        _Base.metadata.create_all(self._engine)

    def close(self) -> None:
        self._engine.dispose()

    def token(self, user: str) -> Token | None:
        """Return the user's token, or None when there is none.

        Raises
        ------
        UnreadableTokenError
            When it cannot be decrypted: treat it as a wrong code, and tell the administrator.
        """
        with Session(self._engine) as session:
            row = session.scalars(select(_Row).where(_Row.user == user)).one_or_none()
            return None if row is None else Token(row.id, self._decrypt(row), row.last_step)

    def claim(self, token_id: str, step: int) -> bool:
        """Use up a step; True for exactly one of all who ever try, and for none with an older step."""
        newer = update(_Row).where(_Row.id == token_id, _Row.last_step < step).values(last_step=step)
        with self._engine.begin() as connection:
            done: CursorResult[Any] = connection.execute(newer)
            return done.rowcount == 1

    def set_token(self, user: str, seed: Seed, *, now: float) -> bool:
        """Give the user this token; True when it is another one than before.

        With the same seed nothing changes but the key it is encrypted with. With another seed the last used
        step stays (up to the present one), so that going back and forth between seeds revives no code.
        """
        with Session(self._engine) as session, session.begin():
            row = session.scalars(select(_Row).where(_Row.user == user)).one_or_none()
            if row is not None and self._holds(row, seed):
                row.secret, row.key_id = self._encrypt(user, row.id, seed)
                return False
            last_step = NEVER_USED
            if row is not None:
                last_step = min(row.last_step, step_at(seed, now)) if row.interval == seed.interval else -1
                session.delete(row)
                session.flush()
            session.add(self._row(user, seed, last_step, now))
            return True

    def remove(self, user: str) -> bool:
        """Take the user's token away; False when there was none."""
        with self._engine.begin() as connection:
            done: CursorResult[Any] = connection.execute(delete(_Row).where(_Row.user == user))
            return done.rowcount == 1

    def listing(self) -> list[TokenListing]:
        """Return who has a token since when, by name; nothing of any secret."""
        with Session(self._engine) as session:
            return [_listing(row) for row in session.scalars(select(_Row).order_by(_Row.user))]

    def unreadable(self) -> tuple[int, int]:
        """Return how many tokens our keys do not open, and how many there are."""
        with Session(self._engine) as session:
            rows = session.scalars(select(_Row)).all()
            return sum(not self._opens(row) for row in rows), len(rows)

    def _row(self, user: str, seed: Seed, last_step: int, now: float) -> _Row:
        token_id = secrets.token_hex(16)
        secret, key_id = self._encrypt(user, token_id, seed)
        return _Row(
            id=token_id,
            user=user,
            secret=secret,
            key_id=key_id,
            digits=seed.digits,
            interval=seed.interval,
            algorithm=seed.algorithm,
            last_step=last_step,
            created=int(now),
        )

    def _encrypt(self, user: str, token_id: str, seed: Seed) -> tuple[bytes, str]:
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = AESGCM(self._keys.current).encrypt(nonce, seed.secret.encode(), _bound_to(user, token_id))
        return nonce + sealed, id_of(self._keys.current)

    def _decrypt(self, row: _Row) -> Seed:
        key = self._keys.by_id(row.key_id)
        if key is None:
            raise UnreadableTokenError(f"the token was encrypted with key {row.key_id}, which we do not have")
        nonce, sealed = row.secret[:NONCE_BYTES], row.secret[NONCE_BYTES:]
        try:
            secret = AESGCM(key).decrypt(nonce, sealed, _bound_to(row.user, row.id)).decode()
        except (InvalidTag, ValueError):  # the latter when it is too short to be one
            raise UnreadableTokenError("the token was altered, or belongs to another user") from None
        return Seed(secret, digits=row.digits, interval=row.interval, algorithm=row.algorithm)

    def _opens(self, row: _Row) -> bool:
        try:
            self._decrypt(row)
        except UnreadableTokenError:
            return False
        return True

    def _holds(self, row: _Row, seed: Seed) -> bool:
        return self._opens(row) and self._decrypt(row) == seed


def _bound_to(user: str, token_id: str) -> bytes:
    """Associated data: a ciphertext copied to another user's row does not open."""
    return f"hpchub otp 1\n{user}\n{token_id}".encode()


def _listing(row: _Row) -> TokenListing:
    used = None if row.last_step == NEVER_USED else row.last_step * row.interval
    return TokenListing(row.user, _utc(row.created), None if used is None else _utc(used))


def _utc(seconds: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def _open(url: str) -> Engine:
    parsed = make_url(url)
    options: dict[str, Any] = {"pool_size": 5, "max_overflow": 20, "pool_timeout": BUSY_SECONDS}
    sqlite = parsed.get_backend_name() == "sqlite"
    if sqlite:
        _ensure_private(parsed.database)
        options["connect_args"] = {"timeout": BUSY_SECONDS}
    # hide_parameters: SQLAlchemy's error texts would otherwise quote the rows.
    engine = create_engine(parsed, hide_parameters=True, pool_pre_ping=not sqlite, **options)
    if sqlite:
        event.listen(engine, "connect", _tune_sqlite)
    return engine


def _ensure_private(database: str | None) -> None:
    if not database or database == ":memory:":
        raise StoreError("the token store needs a file: a used one-time password must outlive the process")
    path = Path(database)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreError(f"the token store {path} cannot be opened: {error.strerror}") from error
    if problem := private_file_problem(path):
        raise StoreError(f"the token store is not safe: {problem}")


def _tune_sqlite(connection: Any, _record: object) -> None:
    pragmas: Sequence[str] = ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_SECONDS * 1000}")
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}").close()
