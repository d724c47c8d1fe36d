"""A user with a folder of their own, at a site whose channel has a few tiny packages."""

from pathlib import Path

import pytest

from environments.layout import Layout
from environments.site import PluginSet, Set, Site
from tests.environments.actions.kit import User
from tests.environments.engine.tiny import PYTHON, Channel, tiny_channel


@pytest.fixture(scope="session")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Channel:
    channel = tiny_channel(tmp_path_factory.mktemp("channel"))
    # With a library of its own, as far as what pip installs goes by that.
    channel.add("python", "3.11.1", {"bin/python": PYTHON, "lib/python3.11/LICENSE.txt": "a license"})
    return channel


@pytest.fixture
def site(tmp_path: Path, channel: Channel) -> Site:
    definitions = tmp_path / "definitions"
    definitions.mkdir()
    (definitions / "small.yml").write_text("dependencies: [python, tool=1.0]\n")
    (definitions / "other.yml").write_text("dependencies: [base]\n")
    return Site(
        root=f"{tmp_path}/{{user}}/.conda",
        workspace=f"{tmp_path}/{{user}}/workspace",
        channels=(channel.url,),
        platform="linux-64",
        definitions=definitions,
        least_free_mb=0,
        sets=(Set(name="small"), Set(name="other")),
        plugins=PluginSet(specs=("extra",)),
    )


@pytest.fixture
def layout(site: Site) -> Layout:
    return site.layout_of("me")


@pytest.fixture
def user(site: Site, layout: Layout) -> User:
    return User(site, layout)


@pytest.fixture
def notebook(user: User) -> User:
    """The user, who has an environment made of the set small."""
    user.does("bootstrap")
    return user
