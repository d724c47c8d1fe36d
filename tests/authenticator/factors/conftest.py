"""The servers that check codes for us, one of each for all the tests here."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.authenticator.factors import freeradius
from tests.authenticator.factors.freeradius import Radius
from tests.authenticator.kit import SEEDS


@pytest.fixture(scope="session")
def radius() -> Iterator[Radius]:
    with tempfile.TemporaryDirectory(prefix="hpchub-radius-") as folder:
        seeds = {name: seed.secret for name, seed in SEEDS.items()}
        with freeradius.running(Path(folder), seeds) as server:
            yield server


@pytest.fixture
def secret_file(tmp_path: Path) -> str:
    path = tmp_path / "radius-secret"
    path.touch(0o600)
    path.write_text(f"{freeradius.SECRET}\n")
    return str(path)
