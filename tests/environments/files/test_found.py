"""What is said of an environment that somebody has worked on by hand."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from environments.found import (
    MOST_ENVIRONMENTS,
    environment,
    first_environments,
    is_server,
    serves,
)
from environments.layout import Layout

MODULES = ("jupyterhub", "jupyter_server")


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """Give what conda leaves of a notebook server."""
    packages = tmp_path / "lib" / "python3.12" / "site-packages"
    for module in MODULES:
        (packages / module).mkdir(parents=True)
        (packages / module / "__init__.py").touch()
        (packages / f"{module}-2.1.0.dist-info").mkdir()
    (tmp_path / "bin").mkdir()
    for name in ("python", "jupyterhub-singleuser"):
        (tmp_path / "bin" / name).touch(0o755)
    (tmp_path / "conda-meta").mkdir()
    for record in ("jupyterhub-base-6.1.1-pyh_0", "jupyter_server-2.1.0-pyh_0"):
        (tmp_path / "conda-meta" / f"{record}.json").write_text("{}")
    return tmp_path


def uninstall(prefix: Path, module: str) -> None:
    """Do what pip does; it leaves conda's record."""
    for path in (prefix / "lib" / "python3.12" / "site-packages").glob(f"{module}*"):
        shutil.rmtree(path)


def test_a_server_that_is_whole_serves(prefix: Path) -> None:
    assert serves(prefix)


@pytest.mark.parametrize("module", MODULES)
def test_what_pip_took_a_package_of_the_server_from_is_not_called_ready(prefix: Path, module: str) -> None:
    uninstall(prefix, module)
    assert is_server(prefix)
    assert not serves(prefix)


def test_a_package_that_pip_has_put_in_its_own_place_counts(prefix: Path) -> None:
    uninstall(prefix, "jupyter_server")
    (prefix / "lib" / "python3.12" / "site-packages" / "jupyter_server-3.0.dist-info").mkdir()
    assert serves(prefix)


def test_a_server_without_conda_is_believed(prefix: Path) -> None:
    shutil.rmtree(prefix / "conda-meta")
    uninstall(prefix, "jupyter_server")
    assert serves(prefix)


def test_an_environment_whose_python_is_gone_has_no_version_of_it(prefix: Path) -> None:
    layout = Layout(prefix / "conda")
    layout.envs.mkdir(parents=True)
    (layout.envs / "mine").symlink_to(prefix)
    (prefix / "conda-meta" / "python-3.12.1-0.json").write_text("{}")
    assert environment(layout, "mine").python == "3.12.1"
    (prefix / "bin" / "python").unlink()
    assert environment(layout, "mine").python == ""


def test_of_more_than_a_page_shows_the_first_are_shown_and_the_others_counted(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    for number in range(MOST_ENVIRONMENTS + 2):
        (layout.envs / f"e{number:03}").mkdir(parents=True)
    shown, more = first_environments(layout, 10**9)
    assert shown[0].name == "e000"
    assert 0 < len(shown) <= MOST_ENVIRONMENTS  # fewer, where the disk is slow
    assert len(shown) + more == MOST_ENVIRONMENTS + 2
    few, others = first_environments(layout, 1000)
    assert len(few) + others == MOST_ENVIRONMENTS + 2
    assert 0 < len(few) < 20
