from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.realhub import FakeSlurm, Hub, run_hub


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with run_hub(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.fixture
def slurm(hub: Hub) -> Iterator[FakeSlurm]:
    """The Slurm behind the running hub, put right after the test."""
    yield hub.slurm
    hub.slurm.becomes("up")


@pytest.fixture
def own_slurm(tmp_path: Path) -> FakeSlurm:
    """A Slurm that no hub asks."""
    return FakeSlurm(tmp_path / "slurm")
