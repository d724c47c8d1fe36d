"""A small hub with four people of a directory on paper."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.authenticator.watch.smallhub import Paper, SmallHub, small_hub


@pytest.fixture
def paper() -> Paper:
    paper = Paper()
    paper.add("anna", "bert", "carl", "dora")
    return paper


@pytest.fixture
async def hub(tmp_path: Path, paper: Paper) -> AsyncIterator[SmallHub]:
    async with small_hub(tmp_path, paper) as running:
        yield running
