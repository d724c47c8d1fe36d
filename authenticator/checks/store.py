"""The token store: is it there, safe, of this version, readable, and is there room to write to it?"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from authenticator.checks.account import NO_START
from authenticator.keys import KeyFileError, load_keys
from authenticator.settings import LoginSettings
from authenticator.store import Store, StoreError
from authenticator.store.migrating import VERSION_TABLE, newest
from authenticator.store.opening import open_engine
from hpchub.findings import Finding, Level

__all__ = ["last_user", "store"]

AREA: Final = "token store"
MEBIBYTE: Final = 2**20
LITTLE_SPACE: Final = 100 * MEBIBYTE
NO_SPACE: Final = 5 * MEBIBYTE
RESTORE: Final = "restore the newest copy: docs/operations.md, The token store is broken"


def store(login: LoginSettings) -> Iterator[Finding]:
    """Yield what is found of it, without making or changing it."""
    if not login.store_url:
        return  # it stands among the settings
    try:
        url = make_url(login.store_url)
    except ArgumentError:
        yield _fault("store_url", "it is no address of a store", "write sqlite:////PATH, for example")
        return
    path = _file(url)
    if path is not None:
        yield _space(path)
        if not os.path.exists(path):
            yield _not_there(path)
            return
    try:
        version = _version(login.store_url)
        yield from _of_version(login, url, version)
    except (KeyFileError, StoreError) as error:
        yield _fault("opens", str(error), NO_START)
    except SQLAlchemyError as error:
        seen = f"{url.render_as_string(hide_password=True)}: {type(error).__name__}"
        do = RESTORE if path else "is the database server running, and may this account log in there?"
        yield _fault("opens", seen, do)


def last_user(login: LoginSettings) -> str:
    """Return who used a one-time password last, or nothing when that cannot be told."""
    try:
        path = _file(make_url(login.store_url))
        if (path is not None and not os.path.exists(path)) or _version(login.store_url) != newest():
            return ""
        opened = Store(login.store_url, load_keys(Path(login.key_file)))
        try:
            used = [each for each in opened.tokens.listing() if each.last_used]
        finally:
            opened.close()
    except (ArgumentError, KeyFileError, StoreError, SQLAlchemyError):
        return ""
    return max(used, key=lambda each: str(each.last_used)).user if used else ""


def _file(url: URL) -> Path | None:
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def _fault(check: str, seen: str, do: str) -> Finding:
    return Finding(AREA, check, Level.FAULT, seen, do)


def _not_there(path: Path) -> Finding:
    if not os.path.isdir(path.parent):
        return _fault("file", f"there is no folder {path.parent}", "make it, or correct store_url")
    do = "nothing before the hub's first start; later, restore a copy, or everybody enrols anew"
    return Finding(AREA, "file", Level.WARNING, f"{path} is not there; the hub makes it at its start", do)


def _space(path: Path) -> Finding:
    """Without space no code can be used up, and so nobody logs in."""
    folder = next(each for each in (path.parent, *path.parent.parents) if os.path.isdir(each))
    free = shutil.disk_usage(folder).free
    seen = f"{free // MEBIBYTE} MiB in {folder}"
    if free >= LITTLE_SPACE:
        return Finding(AREA, "free space", Level.OK, seen)
    level = Level.WARNING if free >= NO_SPACE else Level.FAULT
    return Finding(AREA, "free space", level, seen, "make room: without it nobody can log in")


def _version(url: str) -> str:
    """Return the version of the tables; to open a `Store` would bring an older one up to date."""
    engine = open_engine(url)
    try:
        return _version_in(engine)
    finally:
        engine.dispose()


def _version_in(engine: Engine) -> str:
    with engine.connect() as connection:
        if not inspect(connection).has_table(VERSION_TABLE):
            return ""
        return str(connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar())  # noqa: S608


def _of_version(login: LoginSettings, url: URL, version: str) -> Iterator[Finding]:
    shown = url.render_as_string(hide_password=True)
    if version < newest():
        seen = f"{shown} has tables of version {version or 'none'}; this hpchub has {newest()}"
        do = "copy the store; the hub brings it up to date at its next start"
        yield Finding(AREA, "version", Level.WARNING, seen, do)
        return
    opened = Store(login.store_url, load_keys(Path(login.key_file)))
    try:
        yield Finding(AREA, "opens", Level.OK, f"{shown}, tables of version {version}")
        yield _tokens(login, *opened.tokens.unreadable())
    finally:
        opened.close()


def _tokens(login: LoginSettings, unreadable: int, total: int) -> Finding:
    if not unreadable:
        return Finding(AREA, "tokens", Level.OK, f"{total}, all readable with these keys")
    seen = f"{unreadable} of {total} cannot be read with these keys: those users cannot log in"
    do = f"put the key that they were encrypted with into {login.key_file}, as the second line"
    return _fault("tokens", seen, do)
