"""Stores in both kinds of database."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from authenticator.keys import Keys
from authenticator.store import Store


@pytest.fixture
def keys() -> Keys:
    return Keys(secrets.token_bytes(32))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 't.sqlite'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def store(url: str, keys: Keys) -> Iterator[Store]:
    opened = Store(url, keys)
    yield opened
    opened.close()
