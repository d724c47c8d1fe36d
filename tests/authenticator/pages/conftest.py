"""One hub for each module of these tests, as new for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.authenticator.kit import Slapd
from tests.authenticator.pages.realhub import Browser, RealHub, real_hub


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory, slapd: Slapd) -> AsyncIterator[RealHub]:
    async with real_hub(tmp_path_factory.mktemp("hub"), slapd) as hub:
        yield hub


@pytest.fixture
def hub(running: RealHub) -> RealHub:
    running.begin_again()
    return running


@pytest.fixture
def browser(hub: RealHub) -> Browser:
    return hub.browser()
