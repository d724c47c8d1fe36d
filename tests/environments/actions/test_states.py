"""Snapshots stay what they were; one goes back to states; what is deleted is gone."""

import os
import signal
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from environments import generations
from environments.actions import run
from environments.problems import Cancelled, Problem
from environments.records import Progress
from environments.supervising import cancellable
from tests.environments.actions.kit import User, action, notes, tree


def test_a_snapshot_stays_what_it_was_whatever_pip_does_then(notebook: User) -> None:
    notebook.pip_installs()
    done = notebook.does("snapshot", label="before the paper")
    kept = state(notebook, done.generation)
    before = tree(kept)
    assert str(kept) in (kept / "lib/python3.11/site-packages/mine.py").read_text()
    assert str(kept) in (kept / "bin" / "tool").read_text()
    notebook.pip_installs("later")
    (notebook.prefix() / "lib/python3.11/site-packages/mine.py").write_text("changed in place")
    assert tree(kept) == before
    assert notebook.states() == ["snapshot", "bootstrap"]
    assert not notebook.prefix().samefile(kept)


def test_a_snapshot_is_gone_back_to_as_a_copy_and_stays(notebook: User) -> None:
    kept = notebook.does("snapshot", label="good").generation
    notebook.does("install", specs=("tool=2.0",))
    done = notebook.does("rollback", source=kept)
    assert notebook.tool() == "one"
    assert done.generation != kept
    before = tree(state(notebook, kept))
    notebook.pip_installs()
    assert tree(state(notebook, kept)) == before
    labels = [one.label for one in generations.list_all(notebook.layout, "notebook")]
    assert sorted(labels) == ["", "", "good"]


def test_snapshots_stay_though_old_states_are_cleaned(notebook: User) -> None:
    notebook.does("snapshot", label="first")
    for specs in (("extra",), ("tool=2.0",), ("base",)):
        notebook.does("install", specs=specs)
    assert notebook.states() == ["install", "install", "snapshot"]


def test_a_snapshot_takes_little_room_beside_what_it_was_made_from(notebook: User) -> None:
    kept = state(notebook, notebook.does("snapshot", label="one").generation)
    assert os.path.samefile(kept / "share/tool.txt", notebook.prefix() / "share/tool.txt")


def test_rollback_returns_to_the_state_before_and_to_the_one_that_was_left(notebook: User) -> None:
    first = generations.list_all(notebook.layout, "notebook")[0].id
    second = notebook.does("install", specs=("tool=2.0",)).generation
    done = notebook.does("rollback")
    assert done.generation == first
    assert notebook.tool() == "one"
    assert "restart" in notes(done)
    assert notebook.does("rollback", source=second).generation == second
    assert notebook.tool() == "two"


def test_what_cannot_be_gone_back_to(notebook: User, user: User) -> None:
    assert notebook.fails("rollback").code == "generation"
    assert notebook.fails("rollback", source="00000000").code == "generation"
    assert notebook.fails("rollback", source="../../etc").code == "request"
    assert not notebook.does("rollback", source=generations.list_all(user.layout, "notebook")[0].id).changed
    assert user.fails("rollback", "none").code == "generation"


def test_delete_removes_all_of_it_and_nothing_else(notebook: User) -> None:
    notebook.does("clone", "other", source="notebook")
    notebook.does("snapshot", label="kept")
    notebook.does("delete")
    assert not notebook.prefix().is_symlink()
    assert notebook.states() == []
    assert notebook.tool("other") == "one"
    assert [path.name[:6] for path in notebook.layout.generations.iterdir()] == ["other-"]
    assert notebook.fails("delete").code == "missing"


def test_a_program_that_somebody_linked_into_his_own_folder_works_in_the_snapshot(
    notebook: User, tmp_path: Path
) -> None:
    os.link(notebook.prefix() / "bin" / "tool", tmp_path / "tool")
    kept = notebook.does("snapshot", label="before").generation
    notebook.does("rollback", source=kept)
    now = notebook.prefix().resolve()
    assert str(now) in (now / "bin" / "tool").read_text()


def test_what_conda_made_is_gone_back_to_by_its_id(notebook: User) -> None:
    notebook.prefix().unlink()
    (notebook.prefix() / "conda-meta").mkdir(parents=True)
    (notebook.prefix() / "mine.txt").write_text("mine")
    notebook.does("reset")
    states = generations.list_all(notebook.layout, "notebook")
    chosen = next(one for one in states if not one.verb)
    assert notebook.does("rollback", source=chosen.id).changed
    assert (notebook.prefix() / "mine.txt").read_text() == "mine"


def test_what_is_no_file_is_left_out_of_a_snapshot(notebook: User) -> None:
    os.mkfifo(notebook.prefix() / "pipe")
    kept = state(notebook, notebook.does("snapshot", label="with a pipe").generation)
    assert not (kept / "pipe").exists()


def state(user: User, identity: str) -> Path:
    return next(one.path for one in generations.list_all(user.layout, "notebook") if one.id == identity)


@pytest.mark.parametrize(
    ("verb", "about"), [("install", {"specs": ("extra",)}), ("reset", {}), ("rollback", {"source": "talk"})]
)
def test_what_was_made_and_not_switched_to_is_no_state(
    notebook: User, verb: str, about: dict[str, Any]
) -> None:
    """Somebody took us for dead while it was made, and holds the environment now."""
    if verb == "rollback":
        about = {"source": notebook.does("snapshot", label="talk").generation}
    before = {one.path for one in generations.list_all(notebook.layout, "notebook")}

    def taken_away(heard: Progress | str) -> None:
        if isinstance(heard, Progress) and heard.step == "switch":
            notebook.layout.lock("notebook").write_text("{}")

    with pytest.raises(Problem) as caught:
        run(action(verb, **about), notebook.site, notebook.layout, taken_away)
    assert caught.value.code == "busy"
    assert {one.path for one in generations.list_all(notebook.layout, "notebook")} == before
    assert set(notebook.layout.generations.iterdir()) == before


@pytest.mark.parametrize(
    ("verb", "about"), [("install", {"specs": ("extra",)}), ("reset", {}), ("rollback", {"source": "talk"})]
)
def test_what_was_made_by_whoever_was_killed_before_the_switch_is_no_state(
    notebook: User, verb: str, about: dict[str, Any]
) -> None:
    kept = notebook.does("snapshot", label="talk").generation
    if verb == "rollback":
        about = {"source": kept}
    before = set(notebook.layout.generations.iterdir())
    killed_at("switch", notebook, verb, **about)
    assert len(set(notebook.layout.generations.iterdir()) - before) == 1
    assert {one.path for one in generations.list_all(notebook.layout, "notebook")} == before
    after = notebook.does("snapshot", label="after").generation
    assert set(notebook.layout.generations.iterdir()) == {*before, state(notebook, after)}


def test_what_was_switched_to_by_whoever_was_killed_then_is_a_state(notebook: User) -> None:
    before = {one.path for one in generations.list_all(notebook.layout, "notebook")}
    killed_at("clean", notebook, "install", specs=("extra",))
    now = notebook.prefix().resolve()
    marks = generations.marks_of(now)
    assert generations.WAITS not in marks  # so that going back needs no room on a full disk
    # As when the end came between the switch and the note of it.
    generations.write_marks(now, {**marks, generations.WAITS: True})
    kept = notebook.does("snapshot", label="talk").generation
    notebook.does("rollback")
    there = {one.path for one in generations.list_all(notebook.layout, "notebook")}
    assert there == {*before, now, state(notebook, kept)}


def killed_at(step: str, user: User, verb: str, **about: Any) -> None:
    """Do it in a process of its own, which ends as by kill -9 when it tells of a step."""

    def kills(heard: Progress | str) -> None:
        if isinstance(heard, Progress) and heard.step == step:
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            run(action(verb, **about), user.site, user.layout, kills)
        os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL


def test_a_state_that_could_not_be_gone_back_to_stays(notebook: User) -> None:
    first = generations.list_all(notebook.layout, "notebook")[0]
    notebook.does("install", specs=("extra",))

    def taken_away(heard: Progress | str) -> None:
        if isinstance(heard, Progress) and heard.step == "switch":
            notebook.layout.lock("notebook").write_text("{}")

    with pytest.raises(Problem):
        run(action("rollback", source=first.id), notebook.site, notebook.layout, taken_away)
    assert first.path.is_dir()


def test_a_delete_that_lost_its_hold_deletes_nothing(notebook: User) -> None:
    def taken_away(heard: Progress | str) -> None:
        if isinstance(heard, Progress) and heard.step == "clean":
            notebook.layout.lock("notebook").write_text("{}")

    with pytest.raises(Problem):
        run(action("delete"), notebook.site, notebook.layout, taken_away)
    assert notebook.tool() == "one"


def test_a_snapshot_that_is_cancelled_leaves_nothing(notebook: User) -> None:
    many = notebook.prefix() / "share" / "many"
    many.mkdir()
    for n in range(2100):
        (many / str(n)).touch()
    before = set(notebook.layout.generations.iterdir())

    def cancels(heard: Progress | str) -> None:
        if isinstance(heard, Progress) and heard.step == "install":
            signal.raise_signal(signal.SIGTERM)

    with cancellable(), pytest.raises(Cancelled):
        run(action("snapshot", label="talk"), notebook.site, notebook.layout, cancels)
    assert set(notebook.layout.generations.iterdir()) == before


def test_what_is_cancelled_at_the_last_moment_is_not_switched_to(notebook: User) -> None:
    many = notebook.prefix() / "share" / "many"
    many.mkdir()
    for n in range(1100):
        (many / str(n)).touch()
    kept = notebook.does("snapshot", label="talk").generation
    notebook.does("install", specs=("tool=2.0",))
    before = set(notebook.layout.generations.iterdir())

    def cancels(heard: Progress | str) -> None:
        if isinstance(heard, Progress) and heard.step == "install":
            signal.raise_signal(signal.SIGTERM)

    with cancellable(), pytest.raises(Cancelled):
        run(action("rollback", source=kept), notebook.site, notebook.layout, cancels)
    assert notebook.tool() == "two"
    assert set(notebook.layout.generations.iterdir()) == before


def test_links_and_modes_are_the_snapshots_own(notebook: User) -> None:
    here = notebook.prefix().resolve()
    (here / "mine").mkdir(mode=0o750)
    (here / "mine" / "link").symlink_to(here / "share" / "tool.txt")
    kept = here.with_name(f"notebook-{notebook.does('snapshot', label='talk').generation}")
    assert (kept / "mine" / "link").readlink() == kept / "share" / "tool.txt"
    assert stat.S_IMODE((kept / "mine").stat().st_mode) == 0o750
