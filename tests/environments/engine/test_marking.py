"""The mark of a state, when a disk or somebody's hand has made something else of it."""

from pathlib import Path

import pytest

from environments.marking import MARKS, WAITS, accept, is_whole, marks_of, may_be_whole, write_marks


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "conda-meta").mkdir()
    return tmp_path


def test_what_cannot_be_looked_at_may_be_whole_and_is_not_thrown_away(tmp_path: Path) -> None:
    (tmp_path / "conda-meta").symlink_to("conda-meta")  # leads to itself
    assert may_be_whole(tmp_path)
    assert not is_whole(tmp_path)


def test_what_has_no_mark_is_a_half(state: Path, tmp_path: Path) -> None:
    assert not may_be_whole(state)
    assert not may_be_whole(tmp_path / "none")
    (state / "file").touch()
    assert not may_be_whole(state / "file")


@pytest.mark.parametrize("text", ["", "[]", "7", "{", "[" * 100_000, '{"a": "' + 300_000 * "x" + '"}'])
def test_a_mark_that_says_nothing_is_none_and_yet_no_half(state: Path, text: str) -> None:
    (state / MARKS).write_text(text)
    assert marks_of(state) == {}
    assert not is_whole(state)
    assert may_be_whole(state)


def test_what_waits_is_whole_once_it_was_switched_to(state: Path) -> None:
    write_marks(state, {"verb": "install", WAITS: True})
    assert not is_whole(state)
    assert not may_be_whole(state)
    accept(state)
    assert marks_of(state) == {"verb": "install"}
    assert is_whole(state)
    before = (state / MARKS).stat().st_ino
    accept(state)
    accept(None)
    assert (state / MARKS).stat().st_ino == before
