"""Whoever reads the page sees the figures that were measured, and those that could not be."""

from pathlib import Path

import pytest

from benchmarks import records
from benchmarks.load import plot
from benchmarks.load.page import part, write
from benchmarks.load.session import measure
from benchmarks.load.table import tables
from benchmarks.page import filled, marks
from tests.benchmarks.kit import record, run

BEGIN, END = marks("load")

OURS, PEER = run("hpchub", 1000, 2.0), run("batchspawner", 1000, 2010.0, lag=310.0)


def row(text: str, *begins: str) -> list[str]:
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    return next(line for line in lines if line[: len(begins)] == list(begins))


def test_table_shows_each_hub_beside_the_others() -> None:
    text = tables(record(OURS, PEER))
    assert row(text, "1,000", "hpchub")[2:5] == ["2", "4", "1.5"]
    assert row(text, "1,000", "batchspawner")[2:5] == ["2,010", "4,020", "1.5"]


def test_failed_phase_says_why() -> None:
    lost = run("batchspawner", 1000, 2000.0)
    lost["phases"] = {"steady": {"failed": "TimeoutError: 3 of 1000 routes | after\n300 s", "log": "…"}}
    cells = row(tables(record(OURS, lost)), "1,000", "batchspawner")
    assert cells[2] == "failed: TimeoutError: 3 of 1000 routes / after 300 s"


def test_phase_that_lost_servers_shows_its_figures_and_says_so() -> None:
    lost = run("batchspawner", 1000, 2000.0)
    lost["phases"]["steady"]["failed"] = "12 of 1000 running servers were ended"
    cells = row(tables(record(lost)), "1,000", "batchspawner")
    assert cells[2] == "2,000"
    assert "12 of 1000 running servers were ended" in cells[-1]


def test_crowd_is_compared_with_the_same_run_without() -> None:
    text = tables(record(OURS, PEER, run("hpchub", 1000, 2.0, crowd=10000, lag=6.0)))
    assert "With 10,000 other jobs" in text
    assert row(text, "steady", "lag p99, ms")[2:] == ["4", "6", "1.5"]
    assert row(text, "adoption", "until all routes answer, s")[2:] == ["no figure", "no figure", "–"]


def test_page_keeps_what_people_wrote() -> None:
    before = f"# Benchmarks\n\nBy hand.\n\n{BEGIN}\nold\n{END}\n\nBy hand, too.\n"
    after = filled(before, "load", part(record(OURS)))
    assert after.startswith("# Benchmarks\n\nBy hand.")
    assert after.endswith("By hand, too.\n")
    assert "old" not in after
    assert filled(after, "load", part(record(OURS))) == after


def test_page_without_its_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="needs the lines"):
        filled("# Benchmarks\n", "load", part(record(OURS)))


def test_same_figures_give_the_same_page_and_picture(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "other"]
    for folder in folders:
        folder.mkdir()
        (folder / "benchmarks.md").write_text(f"{BEGIN}\n{END}\n")
        write(record(OURS, PEER), folder)
    pictures = [(folder / "images" / "load.svg").read_text() for folder in folders]
    assert pictures[0] == pictures[1]
    assert "batchspawner" in pictures[0]
    assert (
        folders[0].joinpath("benchmarks.md").read_text() == folders[1].joinpath("benchmarks.md").read_text()
    )


@pytest.mark.parametrize("page", [plot.LIGHT, plot.DARK])
def test_picture_is_readable_on_light_and_dark_pages(page: str) -> None:
    # WCAG 2.2: 4.5 for text, 3 for what is drawn. No grey has 4.5 on white and on GitHub's dark at once.
    assert plot.contrast(plot.INK, page) >= 4
    assert min(plot.contrast(colour, page) for colour in plot.COLOURS.values()) >= 3


def test_newest_run_is_found_by_its_name(tmp_path: Path) -> None:
    for day in ("2026-11-20", "2026-11-22", "2026-11-21"):
        one = {**record(OURS), "date": f"{day}T10:00:00+00:00"}
        records.save(tmp_path / records.file_name(one), one)
    assert records.latest("load", tmp_path)["date"].startswith("2026-11-22")


def test_runs_of_other_measurements_are_not_taken_for_it(tmp_path: Path) -> None:
    for measurement, day in (("load", "20"), ("environments", "22")):
        one = {**record(OURS), "measurement": measurement, "date": f"2026-11-{day}T10:00:00+00:00"}
        records.save(tmp_path / records.file_name(one), one)
    assert records.latest("load", tmp_path)["measurement"] == "load"


def test_what_is_not_installed_has_no_blank_version() -> None:
    one = records.new_record("load", {}, {"slurm": "", "jupyterhub": "6.1.1"})
    assert one["versions"] == {"jupyterhub": "6.1.1"}
    old = {**record(OURS), "versions": {"slurm": "", "jupyterhub": "6.1.1"}}
    assert "slurm" not in part(old)


def test_slurm_says_its_version_outside_of_a_centre(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = tmp_path / "slurmctld"
    daemon.write_text('#!/bin/sh\n[ "$1" = -V ] && echo slurm-wlm 22.05.8\n')
    daemon.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert records.slurm_version() == "22.05.8"


def test_no_run_yet_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="python -m benchmarks load"):
        records.latest("load", tmp_path)


def test_hub_that_nobody_knows_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        measure(["--hubs", "hpchub,zero"])
    assert "no hub called zero; there are hpchub, batchspawner, jupyterhub_moss" in capsys.readouterr().err
