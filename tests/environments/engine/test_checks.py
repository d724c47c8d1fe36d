"""An environment counts only when it works; and it may not seem to work by what lies in somebody's home."""

import os
import subprocess
from pathlib import Path

import pytest

from environments import generations
from environments.checks import check
from environments.layout import Layout
from environments.problems import Problem
from environments.site import Site
from tests.environments.engine.person import Person
from tests.environments.engine.tiny import Channel


def test_an_interpreter_that_starts_is_enough_for_an_environment_without_notebooks(person: Person) -> None:
    made = person.make("tool", needs="python")
    assert generations.current(person.layout, "notebook") == made


def test_an_interpreter_that_does_not_start_is_thrown_away(own_channel: Channel, layout: Layout) -> None:
    own_channel.add("python", "3.99", {"bin/python": "#!/bin/sh\necho broken library >&2\nexit 3\n"})
    person = Person(layout, Site(channels=(own_channel.url,), least_free_mb=0))
    before = person.make("tool=1.0", "python=3.11", needs="python")
    with pytest.raises(Problem) as caught:
        person.make("python=3.99", keep=True, needs="python")
    assert caught.value.code == "check"
    assert "broken library" in caught.value.details
    assert generations.current(layout, "notebook") == before
    assert person.left_over() == []


def test_an_environment_without_python_is_no_notebook(person: Person) -> None:
    with pytest.raises(Problem) as caught:
        person.make("base", needs="server")
    assert caught.value.code == "check"


def test_what_lies_in_the_home_neither_helps_nor_hinders(
    person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    site = home / ".local" / "lib" / "python3.11" / "site-packages"
    site.mkdir(parents=True)
    (site / "usercustomize.py").write_text("import os; os._exit(9)")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PYTHONSTARTUP", "/nonexistent")
    monkeypatch.setenv("PYTHONPATH", str(site))
    made = person.make("tool", needs="python")
    check(made, "python")


def test_the_base_set_starts_a_server_and_its_kernel_calculates(layout: Layout, demo_channel: Path) -> None:
    """Reset brings it back after pip has broken it, from what a lock file says."""
    person = Person(layout, Site(channels=(demo_channel.as_uri(),), least_free_mb=0))
    first = person.make("jupyterhub-singleuser", "ipykernel")
    assert os.access(first / "bin" / "jupyterhub-singleuser", os.X_OK)
    _break(first)
    with pytest.raises(Problem) as caught:
        check(first, "server")
    assert caught.value.code == "check"
    assert "broken by pip" in caught.value.details
    second = person.make("jupyterhub-singleuser", "ipykernel", validate=True, needs="server")
    python = layout.address("notebook") / "bin" / "python"
    told = subprocess.run(
        [python, "-Ic", "import tornado; print(tornado.__file__)"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert told.stdout.startswith(str(layout.address("notebook")))
    assert second != first


def _break(prefix: Path) -> None:
    """Write into a file as an editor does: into what the package cache holds as well."""
    for path in (prefix / "lib").glob("python3*/site-packages/tornado/__init__.py"):
        path.write_text("raise ImportError('broken by pip')\n")
