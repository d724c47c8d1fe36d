"""kill -9 before each single thing that is done to the disk: what was works, or what comes, or nothing is."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from environments import generations, swapping
from environments.layout import Layout

TOUCHING = ("os.", "shutil.rmtree", "open", "ctypes.call_function")
ONLY_LOOKING = ("os.listdir", "os.scandir", "os.fwalk", "os.walk")
NAME = "notebook"


def _killed_at_each_instant(
    folder: Path, begin: Callable[[Layout], object], work: Callable[[Layout], object]
) -> Iterator[Layout]:
    """Do the same again and again, each time killed one call later, and give what is there then."""
    for instant in range(1000):
        layout = Layout(folder / str(instant))
        begin(layout)
        child = os.fork()
        if child == 0:
            try:
                _die_at(instant)
                work(layout)
            except BaseException:
                os._exit(1)
            os._exit(0)
        _child, status = os.waitpid(child, 0)
        yield layout
        if os.WIFEXITED(status):
            assert status == 0
            assert instant > 3
            return
    raise AssertionError("it never ended")


def _die_at(instant: int) -> None:
    left = [instant]

    def hook(event: str, _about: object) -> None:
        if event.startswith(TOUCHING) and event not in ONLY_LOOKING:
            left[0] -= 1
            if left[0] == -1:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def _state(layout: Layout, text: str, made: float = 1.0, label: str = "") -> Path:
    path = layout.new_generation(NAME)
    (path / "conda-meta").mkdir(parents=True)
    (path / "conda-meta" / "tool-1.0-0.json").write_text("{}")
    (path / "text").write_text(text)
    generations.write_marks(path, {"verb": "bootstrap", "made": made, "label": label})
    return path


def _text(layout: Layout) -> str:
    """Return what the environment says, by the address that everybody uses."""
    try:
        return (layout.address(NAME) / "text").read_text()
    except FileNotFoundError:
        return ""


def _is_tidy(layout: Layout) -> bool:
    """Clean, as the next action does first, and tell whether all that is there is an environment's."""
    generations.clean(layout, NAME, 2)
    whole = {one.path for one in generations.list_all(layout, NAME)}
    there = set(layout.generations.iterdir()) | set(layout.envs.iterdir())
    return there - whole <= {layout.address(NAME)}


def test_while_one_state_takes_the_place_of_another(tmp_path: Path) -> None:
    def begin(layout: Layout) -> None:
        generations.switch(layout, NAME, _state(layout, "old"))
        _state(layout, "older", made=0.5)
        _state(layout, "new", made=2.0)

    def work(layout: Layout) -> None:
        new = next(one.path for one in generations.list_all(layout, NAME) if one.made == 2.0)
        generations.switch(layout, NAME, new)
        generations.clean(layout, NAME, 2)

    seen = []
    for layout in _killed_at_each_instant(tmp_path, begin, work):
        seen.append(_text(layout))
        assert seen[-1] in ("old", "new")
        assert _is_tidy(layout)
        assert _text(layout) == seen[-1]
    assert set(seen) == {"old", "new"}


def test_while_the_first_one_is_made(tmp_path: Path) -> None:
    def work(layout: Layout) -> None:
        generations.switch(layout, NAME, _state(layout, "new"))

    for layout in _killed_at_each_instant(tmp_path, lambda layout: layout.envs.mkdir(parents=True), work):
        layout.generations.mkdir(exist_ok=True)
        assert _text(layout) in ("", "new")
        assert _is_tidy(layout)
        assert _text(layout) in ("", "new")
        assert os.path.lexists(layout.address(NAME)) == (_text(layout) == "new")


@pytest.mark.parametrize("at_once", [True, False])
def test_while_what_conda_made_is_taken_over_and_gone_back_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, at_once: bool
) -> None:
    if not at_once:
        monkeypatch.setattr(swapping, "RENAME_EXCHANGE", 1 << 30)

    def begin(layout: Layout) -> None:
        (layout.address(NAME) / "conda-meta").mkdir(parents=True)
        (layout.address(NAME) / "text").write_text("conda")
        _state(layout, "new")

    def work(layout: Layout) -> None:
        new = next(one.path for one in generations.list_all(layout, NAME) if one.verb)
        generations.switch(layout, NAME, new)
        conda = next(one.path for one in generations.list_all(layout, NAME) if not one.verb)
        generations.switch(layout, NAME, conda)

    for layout in _killed_at_each_instant(tmp_path, begin, work):
        if at_once:
            assert _text(layout) in ("conda", "new")
        assert _is_tidy(layout)
        assert _text(layout) in ("conda", "new")
        states = generations.list_all(layout, NAME)
        assert sorted((one.path / "text").read_text() for one in states) == ["conda", "new"]


@pytest.mark.parametrize("made_by", ["us", "conda"])
def test_while_it_is_deleted(tmp_path: Path, made_by: str) -> None:
    def begin(layout: Layout) -> None:
        if made_by == "us":
            generations.switch(layout, NAME, _state(layout, "now", made=3.0))
        else:
            (layout.address(NAME) / "conda-meta").mkdir(parents=True)
            (layout.address(NAME) / "text").write_text("now")
        _state(layout, "before", made=2.0)
        _state(layout, "talk", made=1.0, label="before the talk")

    for layout in _killed_at_each_instant(tmp_path, begin, lambda layout: generations.remove(layout, NAME)):
        there = _text(layout)
        assert _is_tidy(layout)
        assert _text(layout) == there
        if not there:
            assert list(layout.generations.iterdir()) == []
            assert list(layout.envs.iterdir()) == []
