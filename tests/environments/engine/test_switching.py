"""Going from one state to another: whoever looks sees a whole environment, and nothing is lost."""

import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from environments import generations, swapping
from environments.layout import Layout
from environments.problems import Problem


def _made(path: Path, package: str = "tool-1.0-0", made: float = 1.0, **marks: object) -> Path:
    (path / "conda-meta").mkdir(parents=True)
    (path / "conda-meta" / f"{package}.json").write_text("{}")
    generations.write_marks(path, {"verb": "bootstrap", "made": made, **marks})
    return path


def _foreign(layout: Layout) -> Path:
    """Make what conda would have made at the address."""
    (layout.address("notebook") / "conda-meta").mkdir(parents=True)
    (layout.address("notebook") / "mine.txt").write_text("mine")
    return layout.address("notebook")


def _new(layout: Layout, **about: object) -> Path:
    return _made(layout.new_generation("notebook"), **about)  # type: ignore[arg-type]


@pytest.fixture(params=["at once", "in two steps"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a file system that can exchange two paths, and as on one that cannot."""
    if request.param == "in two steps":
        monkeypatch.setattr(swapping, "RENAME_EXCHANGE", 1 << 30)


def test_a_reader_always_sees_a_whole_environment(layout: Layout) -> None:
    states = [_new(layout), _new(layout)]
    generations.switch(layout, "notebook", states[0])
    seen, over = [], threading.Event()

    def read() -> None:
        while not over.is_set():
            seen.append((layout.address("notebook") / generations.MARKS).is_file())

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(300):
        generations.switch(layout, "notebook", states[turn % 2])
    over.set()
    reader.join()
    assert seen
    assert all(seen)


@pytest.mark.usefixtures("way")
def test_an_environment_of_condas_is_kept_and_comes_back(layout: Layout) -> None:
    address = _foreign(layout)
    assert generations.current(layout, "notebook") == address
    made = _new(layout)
    generations.switch(layout, "notebook", made)
    assert generations.current(layout, "notebook") == made
    foreign = next(one for one in generations.list_all(layout, "notebook") if not one.current)
    assert (foreign.path / "mine.txt").read_text() == "mine"
    generations.clean(layout, "notebook", 2)
    generations.switch(layout, "notebook", foreign.path)
    assert generations.current(layout, "notebook") == address
    assert (address / "mine.txt").read_text() == "mine"
    assert not address.is_symlink()
    generations.clean(layout, "notebook", 2)
    assert sorted(one.path for one in generations.list_all(layout, "notebook")) == sorted([address, made])


def test_a_link_that_somebody_made_himself_is_kept(layout: Layout, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "conda-meta").mkdir(parents=True)
    layout.envs.mkdir(parents=True)
    layout.address("notebook").symlink_to(elsewhere)
    assert generations.current(layout, "notebook") == layout.address("notebook")
    generations.switch(layout, "notebook", _new(layout))
    generations.clean(layout, "notebook", 2)
    foreign = next(one for one in generations.list_all(layout, "notebook") if not one.current)
    assert foreign.path.readlink() == elsewhere
    generations.remove(layout, "notebook")
    assert (elsewhere / "conda-meta").is_dir()


def _killed_before_the_folder_moved_aside(layout: Layout, made: Path) -> None:
    aside = layout.envs / f".{made.name}.link"
    aside.symlink_to(f"../generations/{made.name}")


def _killed_after_the_exchange(layout: Layout, made: Path) -> None:
    _killed_before_the_folder_moved_aside(layout, made)
    assert swapping.exchange(layout.envs / f".{made.name}.link", layout.address("notebook"))


def _killed_between_two_renames(layout: Layout, made: Path) -> None:
    _killed_before_the_folder_moved_aside(layout, made)
    layout.address("notebook").rename(layout.generations / f"{made.name}.foreign")


@pytest.mark.parametrize(
    "killed",
    [_killed_before_the_folder_moved_aside, _killed_after_the_exchange, _killed_between_two_renames],
)
def test_a_switch_that_was_killed_is_finished(layout: Layout, killed: Callable[[Layout, Path], None]) -> None:
    _foreign(layout)
    made = _new(layout)
    killed(layout, made)
    generations.clean(layout, "notebook", 3)
    now = generations.current(layout, "notebook")
    assert now in (made, layout.address("notebook"))
    there = [one.path for one in generations.list_all(layout, "notebook")]
    assert len(there) == 2
    assert any((path / "mine.txt").is_file() for path in there)
    assert [path.name for path in layout.envs.iterdir()] == ["notebook"]


def test_going_back_that_was_killed_is_finished(layout: Layout) -> None:
    _foreign(layout)
    made = _new(layout)
    generations.switch(layout, "notebook", made)
    (foreign,) = layout.generations.glob("*.foreign")
    layout.address("notebook").rename(layout.envs / f".{made.name}.link")
    generations.clean(layout, "notebook", 3)
    assert generations.current(layout, "notebook") == made
    assert foreign.is_dir()


def test_the_last_two_states_and_the_labelled_ones_are_kept(layout: Layout) -> None:
    states = [_new(layout, made=n + 1.0) for n in range(5)]
    generations.label(layout, "notebook", states[0].name[-8:], "before the talk")
    generations.switch(layout, "notebook", states[4])
    generations.clean(layout, "notebook", 2)
    left = generations.list_all(layout, "notebook")
    assert [one.path for one in left] == [states[4], states[3], states[0]]
    assert [one.label for one in left] == ["", "", "before the talk"]
    assert [one.current for one in left] == [True, False, False]


def test_the_state_in_use_is_kept_however_old_it_is(layout: Layout) -> None:
    states = [_new(layout, made=n + 1.0) for n in range(3)]
    generations.switch(layout, "notebook", states[0])
    generations.clean(layout, "notebook", 1)
    assert [one.path for one in generations.list_all(layout, "notebook")] == [states[0]]


def test_a_state_that_is_not_there_cannot_be_labelled(layout: Layout) -> None:
    with pytest.raises(Problem) as caught:
        generations.label(layout, "notebook", "deadbeef", "x")
    assert caught.value.code == "generation"


def test_only_the_environment_that_is_meant_goes(layout: Layout) -> None:
    other = _made(layout.new_generation("notebook-2"))
    generations.switch(layout, "notebook-2", other)
    made = _new(layout)
    generations.switch(layout, "notebook", made)
    half = layout.new_generation("notebook")
    half.mkdir()
    os.chmod(made / "conda-meta", 0o500)
    generations.remove(layout, "notebook")
    assert generations.current(layout, "notebook") is None
    assert [path.name for path in layout.generations.iterdir()] == [other.name]
    assert [path.name for path in layout.envs.iterdir()] == ["notebook-2"]


def test_half_of_a_state_is_never_one(layout: Layout) -> None:
    half = layout.new_generation("notebook")
    (half / "conda-meta").mkdir(parents=True)
    assert generations.list_all(layout, "notebook") == []
    generations.clean(layout, "notebook", 2)
    assert not half.exists()


def test_a_state_that_something_still_runs_from_is_kept(layout: Layout) -> None:
    states = [_new(layout, made=n + 1.0) for n in range(2)]
    program = states[0] / "bin" / "sleep"
    program.parent.mkdir()
    shutil.copy("/bin/sleep", program)
    generations.switch(layout, "notebook", states[1])
    with subprocess.Popen([program, "600"]) as running:
        try:
            generations.clean(layout, "notebook", 1)
            assert states[0].is_dir()
        finally:
            running.kill()
    generations.clean(layout, "notebook", 1)
    assert not states[0].exists()


def test_a_folder_of_something_else_at_the_address_is_never_removed(layout: Layout) -> None:
    layout.address("notebook").mkdir(parents=True)
    (layout.address("notebook") / "thesis.txt").write_text("mine")
    made = _new(layout)
    generations.switch(layout, "notebook", made)
    generations.clean(layout, "notebook", 1)
    kept = next(layout.generations.glob("notebook-*.foreign"))
    assert (kept / "thesis.txt").read_text() == "mine"


def test_what_was_at_the_address_has_an_id_of_its_own_to_go_back_to(layout: Layout) -> None:
    _foreign(layout)
    generations.switch(layout, "notebook", _new(layout))
    ids = [one.id for one in generations.list_all(layout, "notebook")]
    assert len(set(ids)) == 2
    assert all(ids)


def test_a_second_folder_of_somebodys_is_kept_beside_the_first(layout: Layout) -> None:
    _foreign(layout)
    made = _new(layout)
    generations.switch(layout, "notebook", made)
    layout.address("notebook").unlink()
    _foreign(layout)
    generations.switch(layout, "notebook", made)
    assert generations.current(layout, "notebook") == made
    assert len(list(layout.generations.glob("*.foreign/mine.txt"))) == 2


def test_what_is_in_use_is_never_cleaned_though_its_mark_is_gone(layout: Layout) -> None:
    made = _new(layout)
    generations.switch(layout, "notebook", made)
    (made / generations.MARKS).unlink()
    generations.clean(layout, "notebook", 1)
    assert generations.current(layout, "notebook") == made


def test_what_is_in_use_is_never_cleaned_though_its_records_are_gone(layout: Layout) -> None:
    made = _new(layout)
    generations.switch(layout, "notebook", made)
    shutil.rmtree(made / "conda-meta")
    (made / "mine.txt").write_text("mine")
    generations.clean(layout, "notebook", 1)
    assert (layout.address("notebook") / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("mark", ["", "{", "[1]"])
def test_a_state_whose_mark_cannot_be_read_is_not_taken_for_half_of_one(layout: Layout, mark: str) -> None:
    kept = _new(layout, label="before the talk")
    generations.switch(layout, "notebook", _new(layout, made=2.0))
    (kept / generations.MARKS).write_text(mark)
    generations.clean(layout, "notebook", 1)
    assert kept.is_dir()


@pytest.mark.parametrize("made", ["yesterday", [1], -1, float("nan"), float("inf"), None])
def test_a_time_that_is_none_is_that_of_the_folder(layout: Layout, made: object) -> None:
    generations.switch(layout, "notebook", _new(layout, made=made))
    (state,) = generations.list_all(layout, "notebook")
    assert 1.0 < state.made < 1e11
