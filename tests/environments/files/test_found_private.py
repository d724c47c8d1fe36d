"""Somebody else's environment, of which parts are private, is looked at as far as that goes."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from environments import answers, found
from environments.layout import Layout
from environments.problems import Problem

NOBODY = 65534


@pytest.fixture
def layout() -> Iterator[Layout]:
    """Folders that everybody may look into, unlike those of the test."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Layout(Path(folder))


@pytest.fixture
def colleagues(layout: Layout) -> Path:
    """An environment with a notebook server, to which one's own list leads."""
    prefix = layout.root / "theirs"
    package = prefix / "lib" / "python3.11" / "site-packages" / "jupyterhub"
    for folder in (layout.envs, prefix / "bin", prefix / "conda-meta", package):
        folder.mkdir(parents=True)
    for name in ("python", "jupyterhub-singleuser"):
        (prefix / "bin" / name).write_text("#!/bin/sh\n")
        (prefix / "bin" / name).chmod(0o755)
    (prefix / "conda-meta" / "jupyterhub-5.0-0.json").write_text("{}")
    (package / "__init__.py").touch()
    (layout.envs / "shared").symlink_to(prefix)
    return prefix


@contextmanager
def private(folder: Path) -> Iterator[None]:
    """Let nobody into a folder, and be somebody who has no special rights."""
    mode, root = folder.stat().st_mode, os.geteuid() == 0
    folder.chmod(0)
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(mode)


def test_all_of_it_is_seen_when_nothing_is_private(layout: Layout, colleagues: Path) -> None:
    assert found.environment(layout, "shared").server


@pytest.mark.parametrize("where", ["lib/python3.11/site-packages/jupyterhub", "lib/python3.11", "bin", "."])
def test_a_private_folder_in_it_costs_only_what_is_in_there(
    layout: Layout, colleagues: Path, where: str
) -> None:
    with private(colleagues / where):
        one = found.environment(layout, "shared")
    assert (one.name, one.server) == ("shared", False)


def test_an_environment_behind_a_private_folder_is_not_there(layout: Layout, colleagues: Path) -> None:
    hidden = layout.root / "hidden"
    hidden.mkdir()
    (layout.envs / "other").symlink_to(hidden / "env")
    with private(hidden), pytest.raises(Problem, match="no environment"):
        answers.answer({"ask": "packages", "environment": "other"}, layout)
