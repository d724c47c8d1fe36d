"""What all tests share: one running centre for those that ask for it."""

from collections.abc import Iterator

import pytest

from tests.centre import RunningCentre, running_centre


@pytest.fixture(scope="session")
def centre() -> Iterator[RunningCentre]:
    with running_centre() as running:
        yield running
