"""Bootstrap, Reset, Import and Clone, with a real solve and a real install from a tiny channel."""

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from environments import exporting, found, generations, locking
from environments.layout import Layout
from environments.problems import Problem
from tests.environments.actions.kit import User, notes, tree
from tests.environments.engine.serving import serving
from tests.environments.engine.tiny import Channel


def test_bootstrap_makes_the_environment_and_says_how_many_packages(user: User) -> None:
    done = user.does("bootstrap")
    assert user.prefix().is_symlink()
    assert user.tool() == "one"
    assert done.packages == 3
    assert done.changed
    assert not done.notes
    assert user.steps() == ["prepare", "solve", "install", "check", "switch", "clean"]
    one = found.environment(user.layout, "notebook")
    assert (one.set, one.engine, one.packages, one.busy) == ("small", "rattler", 3, "")
    assert [state["id"] for state in one.generations] == [done.generation]


def test_bootstrap_takes_the_set_that_is_named(user: User) -> None:
    assert user.does("bootstrap", set="other").packages == 1


def test_bootstrap_installs_the_sites_lock_file_without_a_solve(user: User, tmp_path: Path) -> None:
    locks = tmp_path / "locks"
    locks.mkdir()
    with_locks = user.with_site(locks=locks)
    out = locks / locking.lock_name("small", "linux-64")
    locking.lock(with_locks.site, with_locks.site.sets[0], "linux-64", "", out, user.heard.append)
    (with_locks.site.definitions / "small.yml").write_text("dependencies: [python, tool=2.0]\n")
    assert with_locks.does("bootstrap").packages == 3
    assert user.tool() == "one"


def test_what_is_there_already_is_not_made_again(notebook: User) -> None:
    before = notebook.states()
    problem = notebook.fails("bootstrap")
    assert problem.code == "exists"
    assert "Reset" in str(problem.sentence)
    assert notebook.states() == before


def test_a_site_without_sets_says_so(user: User) -> None:
    assert user.with_site(sets=()).fails("bootstrap").code in ("request", "site")


@pytest.mark.parametrize("name", ["../up", "a/b", "-n", "", "base", "x" * 41, "notebook-0123abcd", "né"])
def test_wrong_names_are_refused_before_anything_is_made(user: User, name: str) -> None:
    assert user.fails("bootstrap", name).code == "name"
    assert not user.layout.root.exists()


def test_reset_brings_back_what_the_set_says_and_names_what_pip_had_put_there(notebook: User) -> None:
    workspace = notebook.layout.root.parent / "workspace"
    workspace.mkdir()
    (workspace / "work.ipynb").write_text("{}")
    module = notebook.pip_installs()
    notebook.does("install", specs=("extra",))
    shutil.rmtree(notebook.prefix() / "share")
    done = notebook.does("reset")
    assert notebook.tool() == "one"
    assert not module.exists()
    assert "mine 3.0" in notes(done)
    assert "not in the set: extra." in notes(done)
    assert "restart" in notes(done)
    assert (workspace / "work.ipynb").read_text() == "{}"
    assert notebook.states() == ["reset", "install"]


def test_reset_takes_the_set_that_the_environment_was_made_from(user: User) -> None:
    user.does("bootstrap", set="other")
    assert user.does("reset").packages == 1
    assert user.does("reset", set="small").packages == 3
    assert user.does("reset").packages == 3


def test_reset_heals_a_cache_that_was_edited_through_the_environment(notebook: User) -> None:
    (notebook.prefix() / "share" / "tool.txt").write_text("broken")
    notebook.does("reset")
    assert notebook.tool() == "one"


def test_reset_makes_a_half_deleted_environment_whole(notebook: User) -> None:
    generation = notebook.prefix().resolve()
    shutil.rmtree(generation / "conda-meta")
    assert notebook.fails("install", specs=("extra",)).code == "broken"
    assert notebook.does("reset").packages == 3
    assert notebook.tool() == "one"


def test_reset_makes_what_is_gone_but_for_its_link(notebook: User) -> None:
    shutil.rmtree(notebook.prefix().resolve())
    assert notebook.does("reset").packages == 3


def test_reset_makes_an_environment_where_there_is_none(user: User) -> None:
    assert user.does("reset").packages == 3


def test_reset_takes_over_what_conda_made_and_it_can_be_gone_back_to(user: User) -> None:
    foreign(user)
    done = user.does("reset")
    assert user.prefix().is_symlink()
    assert user.tool() == "one"
    assert done.packages == 3
    user.does("rollback")
    assert not user.prefix().is_symlink()
    assert (user.prefix() / "mine.txt").read_text() == "by hand"


def test_reset_of_a_folder_that_is_no_environment(user: User) -> None:
    user.prefix().mkdir(parents=True)
    (user.prefix() / "thesis.txt").write_text("all of it")
    assert user.does("reset").packages == 3


def test_what_a_failed_reset_leaves_is_the_environment_as_it_was(notebook: User) -> None:
    before = tree(notebook.prefix().resolve())
    gone = notebook.with_site(channels=("http://127.0.0.1:9/none",), stall_seconds=5)
    assert gone.fails("reset").code in ("unreachable", "channel")
    assert tree(notebook.prefix().resolve()) == before
    assert len(list(notebook.layout.generations.iterdir())) == 1


def test_a_clone_has_the_same_packages_and_what_pip_put_there(notebook: User) -> None:
    notebook.pip_installs()
    done = notebook.does("clone", "copy", source="notebook")
    assert done.packages == 3
    assert notebook.tool("copy") == "one"
    copied = notebook.prefix("copy") / "lib/python3.11/site-packages/mine.py"
    assert str(notebook.prefix("copy").resolve()) in copied.read_text()
    asked = {one["name"] for one in found.packages(notebook.prefix("copy")) if one["requested"]}
    assert asked == {"python", "tool"}
    notebook.does("install", "copy", specs=("tool=2.0",))
    assert (notebook.tool("copy"), notebook.tool()) == ("two", "one")


def test_a_clone_of_nothing_or_over_something_is_refused(notebook: User) -> None:
    assert notebook.fails("clone", "copy", source="none").code == "missing"
    notebook.does("clone", "copy", source="notebook")
    assert notebook.fails("clone", "copy", source="notebook").code == "exists"
    assert notebook.fails("clone", "Notebook", source="copy").code == "name"


@pytest.mark.parametrize("kind", ["yml", "requested", "explicit"])
def test_an_exported_environment_is_imported_again(notebook: User, kind: str) -> None:
    text = exporting.export(notebook.prefix(), kind, "notebook", notebook.site)
    done = notebook.does("import", "again", text=text, format="explicit" if kind == "explicit" else "yml")
    assert done.packages == 3
    assert notebook.tool("again") == "one"


@pytest.mark.parametrize("kind", ["yml", "requested", "explicit", "lock"])
def test_what_came_over_http_goes_to_a_colleague_and_back(
    user: User, channel: Channel, tmp_path: Path, kind: str
) -> None:
    with serving(channel.path) as served:
        user = user.with_site(channels=(served.url,))
        user.does("bootstrap")
        text = exporting.export(user.prefix(), kind, "notebook", user.site)
        other = User(user.site, Layout(tmp_path / "other"))
        form = "yml" if kind == "requested" else kind
        other.does("import", text=text, format=form)
        assert exporting.export(other.prefix(), kind, "notebook", user.site) == text
        user.does("import", "again", text=text, format=form)
        assert user.tool("again") == "one"


@pytest.mark.parametrize("folder", ["envs", "generations"])
def test_folders_that_are_links_to_others_are_refused_for_nothing_would_be_found(
    user: User, folder: str
) -> None:
    (user.layout.root / "deep" / "er").mkdir(parents=True)
    (user.layout.root / folder).symlink_to("deep/er")
    problem = user.fails("bootstrap")
    assert problem.code == "folder"
    assert list((user.layout.root / "deep" / "er").iterdir()) == []


def test_an_environment_whose_root_is_a_link_works(user: User, tmp_path: Path) -> None:
    (tmp_path / "large").mkdir()
    user.layout.root.parent.mkdir(parents=True)
    user.layout.root.symlink_to(tmp_path / "large")
    user.does("bootstrap")
    user.does("install", specs=("extra",))
    assert user.tool() == "one"


@pytest.mark.parametrize(
    ("verb", "about"),
    [
        ("install", {"specs": ("nosuch",)}),
        ("remove", {"specs": ("nosuch",)}),
        ("rollback", {"source": "deadbeef"}),
        ("bootstrap", {}),
        ("import", {"text": "dependencies: [nosuch]", "format": "yml"}),
    ],
)
def test_what_fails_leaves_a_damaged_environment_as_it_was_too(
    notebook: User, verb: str, about: dict[str, Any]
) -> None:
    (notebook.prefix() / "conda-meta" / "hpchub").unlink()
    before = tree(notebook.prefix())
    with suppress(Problem):
        notebook.does(verb, **about)
    assert tree(notebook.prefix()) == before


def test_an_import_that_cannot_be_leaves_nothing(user: User) -> None:
    problem = user.fails("import", "new", text="dependencies: [no-such-thing]\n", format="yml")
    assert problem.code == "unsolvable"
    assert "no-such-thing" in str(problem.sentence)
    assert not user.prefix("new").is_symlink()
    assert not list(user.layout.generations.iterdir())


def test_folders_that_lead_out_of_the_users_own_are_refused(user: User, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    user.layout.root.mkdir(parents=True)
    user.layout.generations.symlink_to(elsewhere)
    assert user.fails("bootstrap").code == "folder"
    assert not list(elsewhere.iterdir())


def foreign(user: User) -> None:
    """Leave an environment as conda makes it: a folder at its address, without any of our marks."""
    user.does("bootstrap", "model")
    shutil.copytree(user.prefix("model").resolve(), user.prefix(), symlinks=True)
    (user.prefix() / generations.MARKS).unlink()
    (user.prefix() / "mine.txt").write_text("by hand")


def test_reset_goes_on_with_the_cuda_that_was_chosen(user: User) -> None:
    user.does("bootstrap", cuda="12.4")
    user.does("reset")
    assert generations.marks_of(user.prefix())["cuda"] == "12.4"
