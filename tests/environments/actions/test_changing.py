"""Install, Remove and Plugins: the environment changes as a whole, keeps what pip put there, or stays."""

from pathlib import Path

import pytest

from environments import found
from tests.environments.actions.kit import User, notes, tree
from tests.environments.engine.tiny import tiny_channel


def test_install_adds_and_what_pip_put_there_stays(notebook: User) -> None:
    notebook.pip_installs()
    before = notebook.prefix().resolve()
    done = notebook.does("install", specs=("extra",))
    assert done.packages == 4
    assert (notebook.prefix() / "share" / "extra.txt").read_text() == "extra"
    assert (notebook.prefix() / "lib/python3.11/site-packages/mine.py").is_file()
    assert "restart" in notes(done)
    assert notebook.prefix().resolve() != before
    assert before.is_dir()
    assert not (before / "share" / "extra.txt").exists()


def test_install_changes_a_version(notebook: User) -> None:
    notebook.does("install", specs=("tool>=2",))
    assert notebook.tool() == "two"


def test_installing_what_is_there_does_nothing_and_asks_no_channel(notebook: User) -> None:
    gone = notebook.with_site(channels=("http://127.0.0.1:9/none",))
    done = gone.does("install", specs=("tool=1.0",))
    assert not done.changed
    assert done.packages == 3
    assert gone.steps() == ["prepare"]
    assert notebook.states() == ["bootstrap"]


def test_what_came_along_becomes_what_was_asked_for(notebook: User) -> None:
    notebook.does("install", specs=("base",))
    notebook.does("remove", specs=("tool",))
    assert {one["name"] for one in found.packages(notebook.prefix())} == {"python", "base"}


@pytest.mark.parametrize(
    ("specs", "code"),
    [
        (("old",), "unsolvable"),
        (("no-such-thing",), "unsolvable"),
        (("tool=9",), "unsolvable"),
        (("--prefix=/etc",), "specs"),
        (("/etc/passwd",), "specs"),
        (("https://evil.example/x.conda",), "specs"),
        (("elsewhere::tool",), "channel"),
        (("tool; rm -rf /",), "specs"),
    ],
)
def test_what_cannot_be_installed_changes_nothing(notebook: User, specs: tuple[str, ...], code: str) -> None:
    before = tree(notebook.prefix().resolve())
    assert notebook.fails("install", specs=specs).code == code
    assert tree(notebook.prefix().resolve()) == before
    assert notebook.states() == ["bootstrap"]


def test_remove_takes_a_package_away(notebook: User) -> None:
    notebook.does("install", specs=("extra",))
    done = notebook.does("remove", specs=("extra", "never-there"))
    assert not (notebook.prefix() / "share" / "extra.txt").exists()
    assert notebook.tool() == "one"
    assert done.packages == 3
    assert "never-there" in notes(done)


def test_removing_what_is_not_there_does_nothing(notebook: User) -> None:
    done = notebook.does("remove", specs=("extra",))
    assert not done.changed
    assert "extra" in notes(done)
    assert notebook.states() == ["bootstrap"]


def test_what_pip_installed_is_not_removed_by_conda(notebook: User) -> None:
    notebook.pip_installs()
    problem = notebook.fails("remove", specs=("mine",))
    assert problem.code == "pip"
    assert "pip uninstall" in str(problem.sentence)


def test_python_itself_can_be_removed_by_name(notebook: User) -> None:
    notebook.does("remove", specs=("python",))
    assert found.python_of(notebook.prefix()) is None


def test_plugins_are_those_of_the_site_and_once_there_nothing_is_done(notebook: User) -> None:
    assert notebook.does("plugins").packages == 4
    again = notebook.does("plugins")
    assert not again.changed
    assert notebook.steps() == ["prepare"]


def test_a_site_without_plugins_says_so(notebook: User) -> None:
    plain = notebook.with_site(plugins=notebook.site.plugins.model_copy(update={"specs": ()}))
    assert plain.fails("plugins").code == "site"


def test_there_must_be_an_environment_to_change(user: User) -> None:
    for verb, about in (
        ("install", {"specs": ("extra",)}),
        ("plugins", {}),
        ("remove", {"specs": ("extra",)}),
    ):
        assert user.fails(verb, **about).code == "missing"


def test_a_package_whose_record_was_cut_off_is_installed_anew(notebook: User) -> None:
    (record,) = (notebook.prefix() / "conda-meta").glob("tool-*.json")
    record.write_text("")
    assert notebook.does("install", specs=("tool=1.0",)).changed
    (record,) = (notebook.prefix() / "conda-meta").glob("tool-*.json")
    assert record.stat().st_size


def test_a_list_of_files_with_a_gap_in_it_does_not_stop_anything(notebook: User) -> None:
    module = notebook.pip_installs()
    (module.parent / "mine-3.0.dist-info" / "RECORD").write_text("mine.py,,\n,,\n\n")
    notebook.does("install", specs=("extra",))
    assert (notebook.prefix() / "lib/python3.11/site-packages/mine.py").is_file()


def test_a_python_that_does_not_start_is_not_switched_to(notebook: User, tmp_path: Path) -> None:
    channel = tiny_channel(tmp_path / "channel")
    channel.add("python", "3.11.9", {"bin/python": "#!/bin/sh\nexit 1\n"})
    user = notebook.with_site(channels=(channel.url,))
    assert user.fails("install", specs=("python=3.11.9",)).code == "check"
    assert user.states() == ["bootstrap"]
