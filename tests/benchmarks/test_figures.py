"""The statistics say what somebody really met."""

import json
from pathlib import Path

import pytest

from benchmarks.load.figures import as_met, milliseconds, quantile
from benchmarks.load.trace import read


@pytest.mark.parametrize(
    ("share", "value"), [(0.0, 1), (0.01, 1), (0.5, 50), (0.99, 99), (0.991, 100), (1.0, 100)]
)
def test_quantile_is_one_of_the_values(share: float, value: int) -> None:
    assert quantile(list(range(100, 0, -1)), share) == value


def test_quantile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        quantile([], 0.5)


def test_loop_that_hung_counts_for_everybody_who_came_meanwhile() -> None:
    assert as_met([0.001, 0.035], every=0.01) == pytest.approx([0.001, 0.035, 0.025, 0.015, 0.005])


def test_hang_of_one_second_in_ten_shows_in_the_p99() -> None:
    late = [0.0] * 900 + [1.0]
    assert milliseconds(late)["p99"] == 0
    assert milliseconds(as_met(late, 0.01))["p99"] > 800


def line(at: float, own: float, late: list[int]) -> str:
    figures = {"at": at, "own": own, "children": own / 10, "memory_mib": 100.0}
    return json.dumps({**figures, "late_us": late, "work_us": [500] * len(late)})


@pytest.fixture
def probe(tmp_path: Path) -> Path:
    path = tmp_path / "probe.jsonl"
    lines = [line(100.0, 2.0, [100]), line(101.0, 2.5, [200, 300]), line(102.0, 3.5, [9000]), '{"at": 103']
    path.write_text("\n".join(['{"pid": 17}', *lines]))
    return path


def test_stretch_has_the_cpu_time_since_its_beginning(probe: Path) -> None:
    found = read(probe).between(100.5, 102.5)
    assert (found["cpu_seconds"], found["cpu_seconds_children"]) == (1.5, 0.15)
    assert found["lag_ms"]["max"] == 9.0


def test_lag_by_work_leaves_out_the_turns_of_other_programs(probe: Path) -> None:
    assert read(probe).between(100.5, 102.5)["lag_by_work_ms"]["max"] == 0.5


def test_stretch_from_the_start_has_all_cpu_time(probe: Path) -> None:
    assert read(probe).between(90.0, 100.5)["cpu_seconds"] == 2.0


def test_line_that_is_being_written_is_left_for_later(probe: Path) -> None:
    trace = read(probe)
    assert (trace.pid, len(trace.lines)) == (17, 3)


def test_hub_that_says_nothing_is_an_error(probe: Path) -> None:
    with pytest.raises(ValueError, match="hung the whole time"):
        read(probe).between(200.0, 300.0)
