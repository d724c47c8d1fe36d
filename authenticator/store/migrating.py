"""Bringing a database to the present tables, whoever made it and however many open it at once.

The newest version is read off the names of the migrations, so that opening a database that is up to date
loads nothing of alembic, which takes longer than all the rest.
"""

import re
import threading
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, inspect, text

from authenticator.store.errors import StoreError
from authenticator.store.opening import READ_ONLY

__all__ = ["VERSION_TABLE", "migrate", "newest"]

FOLDER: Final = Path(__file__).parent / "migrations"
# A name of our own: the database may be the hub's, which has an alembic_version.
VERSION_TABLE: Final = "otp_version"
LOCK: Final = 0x68_70_63_68_75_62  # "hpchub"; a number is all that PostgreSQL's advisory locks have

# Alembic keeps what it is doing in a global of its own.
_ONE_THREAD: Final = threading.Lock()
_NAME: Final = re.compile(r"v(\d{4})_\w+\.py")


def migrate(engine: Engine) -> None:
    """Make or change the tables if need be, in one transaction that all who open the store wait for.

    Raises
    ------
    StoreError
        When a newer hpchub has written the store.
    """
    versions = _versions()
    with engine.connect().execution_options(**{READ_ONLY: True}) as connection:
        if _is_newest(connection, versions):
            return
    with _ONE_THREAD, engine.begin() as connection:  # on SQLite this is the lock between processes
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL lock_timeout = '60s'; SET LOCAL statement_timeout = '120s'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        if not _is_newest(connection, versions):
            _upgrade(connection)


def newest() -> str:
    """Return the version of the tables that this code works with."""
    return _versions()[-1]


def _versions() -> list[str]:
    return sorted(
        found[1] for path in (FOLDER / "versions").iterdir() if (found := _NAME.fullmatch(path.name))
    )


def _is_newest(connection: Connection, versions: list[str]) -> bool:
    if not inspect(connection).has_table(VERSION_TABLE):
        return False
    version = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608
    if version is not None and version not in versions:
        raise StoreError(
            f"the token store has version {version} and this hpchub knows up to {versions[-1]}: "
            "a newer hpchub has changed it; install that one again, or restore the backup from before"
        )
    return version == versions[-1]


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection, "version_table": VERSION_TABLE})
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    command.upgrade(config, "head")
