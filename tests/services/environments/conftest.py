from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.environments.desk import Desk
from tests.services.environments.kit import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
async def desk(world: World) -> AsyncIterator[Desk]:
    desk = world.desk()
    yield desk
    await desk.close()
