"""What the engine's tests share: a channel made once, and a person's folders."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo.channel.build import Places, ensure
from environments.layout import Layout
from environments.site import Site
from tests.environments.engine.person import Person
from tests.environments.engine.serving import Served, serving
from tests.environments.engine.tiny import Channel, tiny_channel


@pytest.fixture(scope="session")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Channel:
    """Nobody writes into it; who wants to damage one makes `own_channel`."""
    return tiny_channel(tmp_path_factory.mktemp("channel"))


@pytest.fixture(scope="session")
def demo_channel() -> Path:
    """The demo's channel, with a real Python and all that a notebook server needs."""
    places = Places.beside(Path(sys.prefix))
    ensure(places, lambda said: None)
    return places.channel


@pytest.fixture
def own_channel(tmp_path: Path) -> Channel:
    return tiny_channel(tmp_path / "channel")


@pytest.fixture
def served(own_channel: Channel) -> Iterator[Served]:
    with serving(own_channel.path) as server:
        yield server


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "conda")


@pytest.fixture
def person(layout: Layout, channel: Channel) -> Person:
    return Person(layout, Site(channels=(channel.url,), least_free_mb=0))


@pytest.fixture
def person_at(layout: Layout) -> Callable[..., Person]:
    """Make the person work with another channel or other settings."""

    def make(url: str, **settings: object) -> Person:
        # Not validated: a site may not be as impatient as a test.
        return Person(layout, Site(channels=(url,), least_free_mb=0).model_copy(update=settings))

    return make
