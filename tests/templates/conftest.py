"""One hub for all tests of the pages."""

from collections.abc import Iterator

import pytest

from tests.templates.pagehub import PageHub, run_page_hub


@pytest.fixture(scope="session")
def page_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageHub]:
    with run_page_hub(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.fixture(scope="session")
def hub(page_hub: PageHub) -> str:
    return page_hub.url
