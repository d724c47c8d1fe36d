"""A journal is read by pages while it is written, and after its user has put anything into it."""

import json
import os
from pathlib import Path

import pytest

from environments import journal
from environments.journal import AT_ONCE, Journal
from environments.records import Progress


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "actions" / f"{'a' * 16}.jsonl"


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return path


LINE = b'{"kind": "line", "at": 1.5, "about": {"text": "x"}}\n'


def test_what_is_written_is_read_and_goes_on_from_where_it_was_left(path: Path) -> None:
    with Journal(path) as log:
        log.begin({"action": {"verb": "reset"}})
        events, after = journal.read(path)
        assert [event.kind for event in events] == ["begin"]
        log.tell("a line\nof two")
        log.tell(Progress("solve"))
        log.end({"result": "done"})
    events, after = journal.read(path, after)
    assert [event.kind for event in events] == ["line", "progress", "end"]
    assert journal.read(path, after) == ([], after)
    first, last = journal.first_and_last(path)
    assert first is not None
    assert last is not None
    assert (first.about, last.about) == ({"action": {"verb": "reset"}}, {"result": "done"})


def test_nobody_else_may_read_it(path: Path) -> None:
    with Journal(path) as log:
        log.begin({})
    assert path.stat().st_mode & 0o077 == 0


def test_fast_progress_is_thinned_and_its_last_state_is_kept(path: Path) -> None:
    with Journal(path) as log:
        for n in range(5000):
            log.tell(Progress("install", n, 5000))
        log.tell(Progress("check"))
        log.end({})
    told = [event.about for event in journal.read(path)[0] if event.kind == "progress"]
    assert len(told) < 500
    assert [about["packages_done"] for about in told if about["step"] == "install"][-1] == 4999
    assert told[-1]["step"] == "check"


def test_a_tool_that_talks_without_end_fills_no_disk(path: Path) -> None:
    with Journal(path) as log:
        for _ in range(journal.MOST_LINES + 100):
            log.tell("x" * 100_000)
        log.end({"result": "done"})
    assert path.stat().st_size < 2 * journal.MOST_LINES * journal.LONGEST_LINE
    assert journal.first_and_last(path)[1] is not None


def test_an_action_is_not_begun_twice_and_no_link_is_followed(path: Path, tmp_path: Path) -> None:
    Journal(path).close()
    with pytest.raises(FileExistsError):
        Journal(path)
    link = path.with_name("b.jsonl")
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"."):
        Journal(link)
    assert not (tmp_path / "elsewhere").exists()


def test_a_disk_that_is_full_does_not_stop_the_action(tmp_path: Path) -> None:
    with Journal(tmp_path / "log") as log:
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, log._file)
        os.close(full)
        log.tell("nothing of it is written")
        log.end({"result": "done"})


def test_a_last_line_that_is_cut_is_left_for_the_next_time(path: Path) -> None:
    write(path, LINE + LINE[:20])
    events, after = journal.read(path)
    assert (len(events), after) == (1, len(LINE))
    write(path, LINE + LINE)
    assert len(journal.read(path, after)[0]) == 1


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\xff\xfe garbage",
        b"{}",
        b"[1, 2]",
        b'"text"',
        b'{"kind": "line"}',
        b'{"kind": ["line"], "at": 1, "about": {}}',
        b'{"kind": "evil", "at": 1, "about": {}}',
        b'{"kind": "line", "at": "soon", "about": {}}',
        b'{"kind": "line", "at": 1, "about": []}',
        b'{"kind": "line", "at": 1e999999, "about": 7}',
        b'{"kind": "line", "at": ' + b"9" * 5000 + b', "about": {}}',
        b"[" * 60_000,
        b"",
    ],
)
def test_garbage_is_passed_over(path: Path, garbage: bytes) -> None:
    write(path, garbage + b"\n" + LINE)
    events, after = journal.read(path)
    assert [event.about for event in events] == [{"text": "x"}]
    assert after == path.stat().st_size
    journal.first_and_last(path)


def test_a_file_of_a_hundred_megabytes_is_read_a_little_at_a_time(path: Path) -> None:
    path.parent.mkdir()
    with path.open("wb") as file:
        file.write(LINE)
        file.truncate(100 << 20)
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + json.dumps({"kind": "end", "at": 2, "about": {}}).encode() + b"\n")
    events, after = journal.read(path)
    assert (len(events), after) == (1, len(LINE))
    assert journal.read(path, after) == ([], after + AT_ONCE)
    assert journal.first_and_last(path)[1] is not None


def test_what_is_no_file_says_nothing_and_makes_nobody_wait(path: Path) -> None:
    path.parent.mkdir()
    assert journal.read(path, 7) == ([], 7)
    os.mkfifo(path)
    assert journal.read(path) == ([], 0)
    assert journal.first_and_last(path) == (None, None)
    assert journal.read(path.parent) == ([], 0)
    loop = path.with_name("loop")
    loop.symlink_to(loop)
    assert journal.read(loop) == ([], 0)
    assert journal.read(write(path.with_name("c"), LINE), 1 << 39)[0] == []


def test_old_journals_go_and_the_newest_stay(tmp_path: Path) -> None:
    for n in range(8):
        os.utime(write(tmp_path / f"{n}.jsonl", LINE), (n, n))
    (tmp_path / "other").touch()
    journal.prune(tmp_path, keep=3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["5.jsonl", "6.jsonl", "7.jsonl", "other"]
