"""Opening the database safely: private files, no password in an address, transactions that mean it."""

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

from authenticator.keys import private_file_problem
from authenticator.store.errors import StoreError

__all__ = ["OPENING_SECONDS", "READ_ONLY", "open_engine", "while_busy"]

BUSY_SECONDS: Final = 5
OPENING_SECONDS: Final = 60
"""How long who opens the store waits for whoever is making or changing its tables."""

READ_ONLY: Final = "hpchub_read_only"
"""Execution option of a connection that only reads."""

LOOPBACK: Final = frozenset({"", "localhost", "127.0.0.1", "::1"})
# What libpq would take from the query of an address.
_SECRETS: Final = frozenset({"password", "sslpassword"})
# A server that went away must not hold a login's thread for longer than the login waits.
_LIBPQ: Final = {
    "connect_timeout": str(BUSY_SECONDS),
    "tcp_user_timeout": str(2 * BUSY_SECONDS * 1000),
    "options": f"-c statement_timeout={2 * BUSY_SECONDS * 1000} -c lock_timeout={BUSY_SECONDS * 1000}",
    "application_name": "hpchub",
}


def open_engine(address: str) -> Engine:
    """Return an engine for SQLite (a private file) or PostgreSQL.

    Raises
    ------
    StoreError
        When the address is wrong, or the file is not ours alone.
    """
    url = _parsed(address)
    match url.get_backend_name():
        case "sqlite":
            return _sqlite(url)
        case "postgresql":
            return _postgresql(url)
        case other:
            raise StoreError(
                f"the store cannot be in {other}: use sqlite:///FILE or postgresql://USER@HOST/NAME"
            )


def _parsed(address: str) -> URL:
    try:
        return make_url(address)
    except (ArgumentError, ValueError):
        # Neither the address nor SQLAlchemy's text: there may be a password in them.
        raise StoreError(
            "the address of the store is none: write sqlite:///FILE or postgresql://USER@HOST/NAME"
        ) from None


def while_busy(seconds: float) -> Retrying:
    """Return what tries again, for so many seconds, while others are busy with the same SQLite file.

    SQLite itself does not wait when two connections turn a file into one with a log at once: it answers
    one of them at once that the database is locked, whatever its `busy_timeout` (sqlite3_busy_handler).
    """
    return Retrying(
        retry=retry_if_exception(_is_busy),
        wait=wait_random(0.01, 0.05),
        stop=stop_after_delay(seconds),
        reraise=True,
    )


def _is_busy(error: BaseException) -> bool:
    cause = error.orig if isinstance(error, OperationalError) else error
    # The low byte is the error; the rest says how it came about.
    return getattr(cause, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def _options() -> dict[str, Any]:
    # hide_parameters: SQLAlchemy's error texts would otherwise quote the rows.
    return {"hide_parameters": True, "pool_size": 5, "max_overflow": 20, "pool_timeout": BUSY_SECONDS}


def _sqlite(url: URL) -> Engine:
    _ensure_private(url.database)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, **_options())
    event.listen(engine, "connect", _tune_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _ensure_private(database: str | None) -> None:
    if not database or database == ":memory:":
        raise StoreError("the token store needs a file: a used one-time password must outlive the process")
    path = Path(database)
    try:
        if not path.exists():
            _make(path)
    except (OSError, sqlite3.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise StoreError(f"the token store {path} cannot be opened: {reason}") from error
    if problem := private_file_problem(path):
        raise StoreError(f"the token store is not safe: {problem}")


def _make(path: Path) -> None:
    """Make an empty store, which nobody sees before it is whole.

    Two connections that turn one file into one with a log at once can be told of a broken disk, or that
    the file is no database. So that is done under another name, and whoever is first gives it the real one.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    os.close(descriptor)
    try:
        with contextlib.closing(sqlite3.connect(name)) as connection:
            connection.execute("PRAGMA journal_mode=WAL").close()
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
    finally:
        os.unlink(name)


def _tune_sqlite(connection: Any, _record: object) -> None:
    # Python's driver would begin transactions when it sees fit, and not for a SELECT; we say when.
    connection.isolation_level = None
    pragmas: Sequence[str] = (
        f"busy_timeout={BUSY_SECONDS * 1000}",
        "journal_mode=WAL",
        "synchronous=FULL",
        # What was sealed with a key that is given up must not stay in free pages.
        "secure_delete=ON",
    )
    for pragma in pragmas:
        while_busy(BUSY_SECONDS)(connection.execute, f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    # IMMEDIATE: who reads and then writes would otherwise fail when another wrote in between.
    read_only = connection.get_execution_options().get(READ_ONLY)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _postgresql(url: URL) -> Engine:
    if url.password or _SECRETS & set(url.query):
        raise StoreError(
            "the address of the store has a password in it: put it into ~/.pgpass of the hub's account "
            "(or the file that PGPASSFILE names), mode 0600, and leave it out of the address"
        )
    if not _is_verified(url):
        raise StoreError(
            "the way to the store leads over a network and is not verified: add "
            "?sslmode=verify-full&sslrootcert=FILE to its address, with the authority's certificate"
        )
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    arguments = {name: value for name, value in _LIBPQ.items() if name not in url.query}
    try:
        return create_engine(
            url, connect_args=arguments, pool_pre_ping=True, isolation_level="READ COMMITTED", **_options()
        )
    except ImportError:
        raise StoreError(
            "the store is in PostgreSQL, and its driver is missing: pip install psycopg"
        ) from None


def _is_verified(url: URL) -> bool:
    """Tell whether the server proves who it is, or is on this machine (ASVS 5.0, 12.3.4)."""
    if url.query.get("sslmode", os.environ.get("PGSSLMODE")) == "verify-full":
        return True
    if "service" in url.query or "PGSERVICE" in os.environ:
        return False  # what that file says we do not know
    named = [url.query.get(name, "") for name in ("host", "hostaddr")]
    hosts = [url.host or "", *(each if isinstance(each, str) else ",".join(each) for each in named)]
    if not any(hosts):
        hosts = [os.environ.get("PGHOST", ""), os.environ.get("PGHOSTADDR", "")]
    return all(each in LOOPBACK or each.startswith(("/", "@")) for each in ",".join(hosts).split(","))
