"""Plugins and IPyParallel's profile: what the user is told, and what becomes of the packages."""

from pathlib import Path

import pytest

from environments.site_profile import PluginSet, Profile
from tests.environments.actions.kit import User, notes, tree
from tests.environments.engine.tiny import tiny_channel

PROFILE = Profile(queue="gpu")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("IPYTHONDIR", raising=False)
    return home


@pytest.fixture
def parallel(notebook: User, tmp_path: Path) -> User:
    """The user, at a site that has ipyparallel among its plugins, and a profile for it."""
    channel = tiny_channel(tmp_path / "channel")
    channel.add("ipyparallel", "9.2", {"share/ipp.txt": "ipp"})
    plugins = PluginSet(specs=("extra", "ipyparallel>=9"), profile=PROFILE)
    return notebook.with_site(plugins=plugins, channels=(channel.url,))


def test_plugins_make_the_profile_and_say_how_to_use_it(parallel: User, home: Path) -> None:
    done = parallel.does("plugins")
    assert (home / ".ipython/profile_slurm/ipcluster_config.py").is_file()
    assert 'ipp.Cluster(profile="slurm", n=4)' in notes(done)
    assert "restart" in notes(done)


def test_plugins_again_bring_a_lost_profile_back_and_else_do_nothing(parallel: User, home: Path) -> None:
    parallel.does("plugins")
    assert not parallel.does("plugins").changed
    (home / ".ipython/profile_slurm/ipcluster_config.py").unlink()
    done = parallel.does("plugins")
    assert done.changed
    assert "Nothing to do" not in notes(done)


def test_a_profile_of_ones_own_stays_and_the_packages_come(parallel: User, home: Path) -> None:
    own = home / ".ipython" / "profile_slurm"
    own.mkdir(parents=True)
    (own / "ipcluster_config.py").write_text("c.Cluster.n = 2\n")
    before = tree(home)
    done = parallel.does("plugins")
    assert tree(home) == before
    assert f"There is a profile slurm of your own in {own}" in notes(done)
    assert "ipcluster_config.py" in notes(done)
    assert (parallel.prefix() / "share" / "ipp.txt").is_file()


def test_a_folder_that_cannot_be_written_to_costs_no_packages(parallel: User, home: Path) -> None:
    (home / ".ipython").write_text("a file")
    done = parallel.does("plugins")
    assert "could not be written to" in notes(done)
    assert (parallel.prefix() / "share" / "ipp.txt").is_file()


@pytest.mark.parametrize(
    "plugins", [PluginSet(specs=("extra",), profile=PROFILE), PluginSet(specs=("extra", "ipyparallel"))]
)
def test_without_ipyparallel_or_without_a_table_there_is_no_profile(
    parallel: User, home: Path, plugins: PluginSet
) -> None:
    parallel.with_site(plugins=plugins).does("plugins")
    assert not list(home.iterdir())


def test_plugins_that_fail_leave_no_profile(parallel: User, home: Path) -> None:
    broken = PluginSet(specs=("ipyparallel=99",), profile=PROFILE)
    parallel.with_site(plugins=broken).fails("plugins")
    assert not list(home.iterdir())


def test_reset_leaves_the_profile_and_plugins_make_it_work_again(parallel: User, home: Path) -> None:
    parallel.does("plugins")
    before = tree(home)
    assert "ipyparallel" in notes(parallel.does("reset"))
    assert tree(home) == before
    parallel.does("plugins")
    assert tree(home) == before
