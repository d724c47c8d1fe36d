"""Whoever reads what environments cost sees what people waited for, and what that was made of."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from benchmarks import page, records
from benchmarks.environments import table
from benchmarks.environments.disk import file_system, taken
from benchmarks.environments.doing import steps
from benchmarks.environments.grounds import PEOPLE, Person, grounds
from benchmarks.environments.session import write
from benchmarks.environments.table import tables
from benchmarks.environments.timed import busy, run
from environments.records import Event

TICKS = os.sysconf("SC_CLK_TCK")
MIB = 2**20


def case(name: str, *seconds: float, channel: str = "file", **took: float) -> list[dict[str, Any]]:
    figures = {"cpu": 1.0, "others": 0.25, "steps": took}
    return [
        {"round": number, "case": name, "channel": channel, "seconds": one, **figures}
        for number, one in enumerate(seconds)
    ]


def record(*cases: list[dict[str, Any]]) -> records.Record:
    floor = [case(name, 2.0, 3.0, 4.0, channel="") for name in ("cp -al", "cp -a", "rm -rf")]
    return {
        "measurement": "environments",
        "date": "2026-11-21T16:05:00+00:00",
        "commit": "06d6746aa",
        "changed_since": False,
        "machine": {"cpu": "Some CPU", "cores": 2, "memory_gib": 24, "kernel": "6.1"},
        "versions": {"py-rattler": "0.28.0"},
        "plan": {"rounds": 3},
        "file_system": "ext4",
        "loads": [0.1, 2.0],
        "packages": 121,
        "disk": {name: {"bytes": 3 * MIB, "files": 1234} for name, _title in table._PLACES},
        "runs": [run for runs in (*floor, *cases) for run in runs],
        "minutes": 12.0,
    }


def row(text: str, *begins: str) -> list[str]:
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    return next(line for line in lines if line[: len(begins)] == list(begins))


def test_table_shows_the_median_its_range_and_what_was_waited_for() -> None:
    text = tables(record(case("reset", 7.5, 4.5, 9.0, solve=0.5, install=1.0, check=3.0)))
    assert row(text, "Reset", "file")[2:] == [
        *("7.50", "4.50", "9.00"),  # median, min, max
        *("1.50", "3.00"),  # solve and install, check
        *("1.00", "0.2"),  # CPU seconds, processors that others had
        *("2.5", "8: met"),  # times `cp -a`, target
    ]


def test_target_that_was_missed_is_told() -> None:
    text = tables(record(case("second", 12.5)))
    assert row(text, "Bootstrap of the next user, shared cache", "file")[-1] == "10: missed"


def test_channels_are_told_apart() -> None:
    text = tables(record(case("cold", 6.0), case("cold", 9.0, channel="http")))
    what = "Bootstrap, nothing cached, solved"
    assert (row(text, what, "file")[2], row(text, what, "http")[2]) == ("6.00", "9.00")


def test_conda_is_compared_case_by_case_where_there_is_one() -> None:
    names = ("cold", "warm", "warm-lock", "nothing", "install")
    ours = [case(name, 5.0, check=3.0) for name in names]
    theirs = [case(f"conda {name}", 10.0) for name in names]
    found = row(tables(record(*ours, *theirs)), "own packages cached, solved")
    assert found[1:] == ["10.0", "10.0", "10.0", "5.00", "2.0", "5.0"]


def test_nothing_is_said_of_a_conda_that_was_not_measured() -> None:
    assert "conda" not in tables(record(case("cold", 6.0)))


def test_page_tells_how_busy_the_machine_was_with_other_things() -> None:
    text = tables(record(case("cold", 6.0)))
    assert "load average before the rounds was 0.1 to 2.0" in text
    assert "kept 0.2 of the cores busy (median; at most 0.2)" in text


def test_page_has_the_newest_run_beside_what_people_wrote(tmp_path: Path) -> None:
    begin, end = page.marks("environments")
    (tmp_path / page.NAME).write_text(f"By hand.\n\n{begin}\nfrom last week\n{end}\n\nBy hand, too.\n")
    write(record(case("cold", 6.0)), tmp_path)
    text = (tmp_path / page.NAME).read_text()
    assert "last week" not in text
    assert text.startswith("By hand.")
    assert text.endswith("By hand, too.\n")
    assert "121 packages" in text


def test_figures_of_the_page_are_those_that_lie_beside_it() -> None:
    newest = records.latest("environments")
    assert tables(newest) in (page.DOCS / page.NAME).read_text()
    assert json.loads(json.dumps(newest)) == newest


def test_steps_last_until_the_next_one_is_told() -> None:
    def told(at: float, step: str) -> Event:
        return Event("progress", at, {"step": step})

    events = [
        Event("begin", 100.0),
        told(100.1, "prepare"),
        told(100.5, "install"),
        Event("line", 101.0, {"text": "…"}),
        told(103.5, "check"),
        told(106.5, "clean"),
        Event("end", 106.6),
    ]
    assert steps(events) == {"prepare": 0.5, "install": 3.0, "check": 3.0, "clean": 0.1}


def test_hard_links_are_paid_for_once_and_symbolic_ones_are_not_followed(tmp_path: Path) -> None:
    elsewhere, ours = tmp_path / "elsewhere", tmp_path / "ours"
    for folder in (elsewhere, ours / "packages", ours / "environment"):
        folder.mkdir(parents=True)
    (elsewhere / "lent").write_bytes(b"x" * MIB)
    (ours / "packages" / "file").write_bytes(b"x" * MIB)
    alone = taken(ours)
    os.link(ours / "packages" / "file", ours / "environment" / "file")
    assert taken(ours) == alone
    (ours / "environment" / "lent").symlink_to(elsewhere)
    more = taken(ours)
    assert more.files == alone.files + 1
    assert more.bytes < alone.bytes + MIB // 2
    (ours / "environment" / "copy").write_bytes(b"x" * MIB)
    assert taken(ours).bytes >= alone.bytes + MIB


def test_folder_is_on_the_nearest_file_system_above_it() -> None:
    mounts = "a / ext4 rw 0 0\nb /scratch xfs rw 0 0\nc /scr tmpfs rw 0 0\n"
    assert file_system(Path("/scratch/anna"), mounts) == "xfs"
    assert file_system(Path("/home/anna"), mounts) == "ext4"


def test_idle_and_waiting_processors_are_not_busy() -> None:
    assert busy("cpu  100 20 300 5000 40 5 6 7 0 0\ncpu0 1 2 3\n") == 431 / TICKS


def test_command_takes_the_time_of_what_it_started(tmp_path: Path) -> None:
    ran = run(
        ["/bin/sh", "-c", "/bin/sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done'"], {}, tmp_path
    )
    assert ran.cpu > 0


def test_command_that_fails_is_no_figure(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"failed \(3\):\nno room"):
        run(["/bin/sh", "-c", "echo no room; exit 3"], {}, tmp_path)


def test_people_are_neither_each_other_nor_root() -> None:
    argv = [Person(name, Path("/nowhere")).argv(["true"]) for name in PEOPLE]
    assert argv[0] != argv[1]
    assert not any("--reuid=0" in words for words in argv)


def test_missing_channel_is_named_with_what_makes_it(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="python -m demo channel"), grounds(tmp_path, tmp_path):
        pass
    assert not list(tmp_path.iterdir())
