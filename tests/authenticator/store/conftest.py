"""Stores in both kinds of database."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from authenticator.keys import Keys
from authenticator.store import Store
from tests.authenticator.postgres import Postgres
from tests.authenticator.store.kit import OtherHubs


@pytest.fixture
def keys() -> Keys:
    return Keys(secrets.token_bytes(32))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of a database without any table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 't.sqlite'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of a store that has nothing in it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 't.sqlite'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database(like=request.getfixturevalue("prepared"))


@pytest.fixture(scope="session")
def prepared(postgres: Postgres) -> str:
    """Return the name of a database with the tables of a store, to be copied: that is quicker."""
    url = postgres.new_database()
    Store(url, Keys(bytes(32))).close()
    return make_url(url).database or ""


@pytest.fixture
def store(url: str, keys: Keys) -> Iterator[Store]:
    opened = Store(url, keys)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def other_hubs() -> Iterator[OtherHubs]:
    hubs = OtherHubs()
    yield hubs
    hubs.close()
