"""The database behind every part of the store: transactions, sealing and digests."""

import contextlib
import datetime
import hashlib
import hmac
import secrets
import threading
from collections.abc import Iterator
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from authenticator.keys import Keys, id_of
from authenticator.store.errors import StoreError, UnreadableTokenError
from authenticator.store.migrating import migrate
from authenticator.store.opening import OPENING_SECONDS, READ_ONLY, open_engine, while_busy

__all__ = ["Database", "count", "utc"]

NONCE_BYTES: Final = 12


class Database:
    """An open database with the present tables, and the keys to what is in it.

    Parameters
    ----------
    url
        SQLAlchemy's; a SQLite file is made with mode 0600 and refused when others may read it.
    keys
        What secrets are encrypted with.

    Raises
    ------
    StoreError
        When it cannot be opened safely.
    """

    def __init__(self, url: str, keys: Keys) -> None:
        self.keys = keys
        self.engine = open_engine(url)
        # Whoever finds SQLite busy sleeps, 100 ms at a time, and is not woken: in a crowd some would starve.
        self._turn = threading.RLock() if self.engine.dialect.name == "sqlite" else contextlib.nullcontext()
        try:
            while_busy(OPENING_SECONDS)(migrate, self.engine)
        except DBAPIError as error:
            self.close()
            # The driver's own words name host, file and fault; no driver quotes a password.
            raise StoreError(f"the token store cannot be opened: {error.orig}") from None
        except StoreError:
            self.close()
            raise

    def __repr__(self) -> str:
        return f"<Database {self.engine.url.render_as_string(hide_password=True)}>"

    def close(self) -> None:
        self.engine.dispose()

    # ----- transactions ---------------------------------------------------------------------

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session that only reads, and on SQLite waits for no writer."""
        engine = self.engine.execution_options(**{READ_ONLY: True})
        with Session(engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextlib.contextmanager
    def writing(self, user: str | None = None) -> Iterator[Session]:
        """Give a session that writes: all of it is kept, or nothing when an exception leaves it.

        With `user`, whatever takes more than one statement happens to that user one after another, in all
        processes. SQLite has one writer at a time anyway.
        """
        with self._turn, Session(self.engine, expire_on_commit=False) as session, session.begin():
            if user is not None and self.engine.dialect.name == "postgresql":
                session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _lock_of(user)})
            yield session

    # ----- secrets --------------------------------------------------------------------------

    @property
    def key_id(self) -> str:
        """The id of the key that `seal` uses, to be kept with what is sealed."""
        return id_of(self.keys.current)

    def seal(self, text: str, bound_to: str) -> bytes:
        """Encrypt; the result opens only with the same `bound_to`, so it cannot be moved to another row."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(self.keys.current).encrypt(nonce, text.encode(), _associated(bound_to))

    def unseal(self, sealed: bytes, key_id: str, bound_to: str) -> str:
        """Decrypt what `seal` made with the key of this id.

        Raises
        ------
        UnreadableTokenError
            When we have no such key, or it was altered, or belongs elsewhere.
        """
        key = self.keys.by_id(key_id)
        if key is None:
            raise UnreadableTokenError(f"the token was encrypted with key {key_id}, which we do not have")
        nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            return AESGCM(key).decrypt(nonce, rest, _associated(bound_to)).decode()
        except (InvalidTag, ValueError):  # the latter when it is too short to be one
            raise UnreadableTokenError("the token was altered, or belongs to another user") from None

    def digest(self, purpose: str, text: str) -> str:
        """Return what stands in the database for a text that is only looked up there."""
        return _digest(self.keys.current, purpose, text)

    def digests(self, purpose: str, text: str) -> tuple[str, ...]:
        """Return what `digest` makes of it, and what it made of it before the key was changed."""
        keys = (self.keys.current, self.keys.previous)
        return tuple(_digest(key, purpose, text) for key in keys if key is not None)


def count(session: Session, statement: Any) -> int:
    """Run an UPDATE or DELETE and return how many rows it met."""
    done: Any = session.execute(statement, execution_options={"synchronize_session": False})
    return int(done.rowcount)


def utc(seconds: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def _associated(bound_to: str) -> bytes:
    return f"hpchub otp 1\n{bound_to}".encode()


def _digest(key: bytes, purpose: str, text: str) -> str:
    info = f"hpchub digest 1\n{purpose}".encode()
    derived = HKDF(SHA256(), length=32, salt=None, info=info).derive(key)
    return hmac.new(derived, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def _lock_of(user: str) -> int:
    return int.from_bytes(hashlib.sha256(f"hpchub user\n{user}".encode()).digest()[:8], signed=True)
