"""The servers that check codes for us, one of each for all the tests here."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from authenticator.passcode import Seed, make_secret
from tests.authenticator.factors import freeradius
from tests.authenticator.factors import otp_directory as otp
from tests.authenticator.factors.freeradius import Radius
from tests.authenticator.factors.otp_directory import OTPDirectory
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


@pytest.fixture(scope="session")
def otp_directory() -> Iterator[OTPDirectory]:
    """A directory with a token for everybody but nobody1, each for one test: a code works once."""
    with tempfile.TemporaryDirectory(prefix="hpchub-otp-") as folder:
        seeds = {name: Seed(make_secret()) for name in ("anna", "bert", "cleo", "dora", "emil", "fred")}
        passwords = {name: f"canary-{name}" for name in seeds} | {"nobody1": "canary-491823"}
        with otp.running(Path(folder), passwords, seeds) as server:
            yield server
