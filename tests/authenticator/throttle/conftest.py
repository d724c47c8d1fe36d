"""A store for the throttle, and throttles on it: several on one store stand for several hubs."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from authenticator.keys import Keys
from authenticator.store.attempts import Attempts
from authenticator.store.database import Database
from authenticator.throttle import Throttle

MakeThrottle = Callable[..., Throttle]


@pytest.fixture
def keys() -> Keys:
    return Keys(secrets.token_bytes(32))


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the store is: SQLite unless the test is for both kinds."""
    if getattr(request, "param", "sqlite") == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path / 'store.sqlite'}"


@pytest.fixture
def database(url: str, keys: Keys) -> Iterator[Database]:
    opened = Database(url, keys)
    yield opened
    opened.close()


@pytest.fixture
def make(database: Database) -> MakeThrottle:
    def make(on: Database | None = None, **settings: Any) -> Throttle:
        return Throttle(attempts=Attempts(on or database), **settings)

    return make


@pytest.fixture
def throttle(make: MakeThrottle) -> Throttle:
    return make()
