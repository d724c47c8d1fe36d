"""Two actions never work on one environment, and nobody who is gone keeps it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from environments import holding
from environments.holding import hold, holder
from environments.layout import Layout
from environments.problems import Problem


def _spoil(layout: Layout, **about: object) -> None:
    """Leave the file of a holder that differs from this process in what is given."""
    with hold(layout, "notebook", "gone"):
        record = json.loads(layout.lock("notebook").read_text())
    layout.lock("notebook").write_text(json.dumps({**record, **about}))


def test_the_second_one_is_told_that_it_is_busy(layout: Layout) -> None:
    with hold(layout, "notebook", "first"):
        assert holder(layout, "notebook") == "first"
        with pytest.raises(Problem) as caught, hold(layout, "notebook", "second"):
            pass
        assert caught.value.code == "busy"
        with hold(layout, "other", "second"):
            assert holder(layout, "other") == "second"
    assert holder(layout, "notebook") == ""
    assert list(layout.locks.iterdir()) == []


def test_of_many_at_once_one_gets_it(layout: Layout) -> None:
    """Also when all of them find what somebody has left who is gone."""
    _spoil(layout, pid=2**22 + 1)
    code = (
        f"import sys, time; sys.path.insert(0, {str(Path(__file__).resolve().parents[3])!r})\n"
        "from pathlib import Path\n"
        "from environments.holding import hold; from environments.layout import Layout\n"
        "from environments.problems import Problem\n"
        "sys.stdin.readline()\n"
        "try:\n"
        f"    with hold(Layout(Path({str(layout.root)!r})), 'notebook', sys.argv[1]):\n"
        "        print('got it', flush=True); sys.stdin.readline()\n"
        "except Problem as problem: print(problem.code, flush=True)\n"
    )
    people = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(n)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for n in range(6)
    ]
    for one in people:
        assert one.stdin
        one.stdin.write("go\n")
        one.stdin.flush()
    said = [one.stdout.readline() for one in people if one.stdout]
    for one in people:
        one.communicate("end\n", timeout=30)
    assert sorted(said) == ["busy\n"] * 5 + ["got it\n"]


def test_a_holder_whose_process_is_gone_holds_nothing(layout: Layout) -> None:
    _spoil(layout, pid=2**22 + 1)
    assert holder(layout, "notebook") == ""
    with hold(layout, "notebook", "next"):
        assert holder(layout, "notebook") == "next"


def test_a_holder_that_has_ended_and_is_not_buried_yet_holds_nothing(layout: Layout) -> None:
    with subprocess.Popen(["/bin/true"]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        words = Path(f"/proc/{ended.pid}/stat").read_text().rpartition(")")[2].split()
        _spoil(layout, pid=ended.pid, started=words[19])
        assert holder(layout, "notebook") == ""


def test_who_came_too_late_to_clear_away_does_not_clear_the_next_holder_away(layout: Layout) -> None:
    _spoil(layout, pid=2**22 + 1)
    seen, late = layout.lock("notebook").read_text(), layout.locks / "late"
    late.write_text("{}")
    with hold(layout, "notebook", "next"):
        holding._break(layout.lock("notebook"), seen, late)
        assert holder(layout, "notebook") == "next"


def test_the_heart_beats_for_other_machines(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "BEAT_SECONDS", 0.02)
    with hold(layout, "notebook", "long"):
        os.utime(layout.lock("notebook"), (1, 1))
        until = time.monotonic() + 30
        while layout.lock("notebook").stat().st_mtime == 1 and time.monotonic() < until:
            time.sleep(0.02)
        assert layout.lock("notebook").stat().st_mtime > 1


def test_a_process_id_that_is_used_again_holds_nothing(layout: Layout) -> None:
    _spoil(layout, started="1")
    assert holder(layout, "notebook") == ""


def test_a_holder_on_another_machine_holds_as_long_as_its_heart_beats(layout: Layout) -> None:
    _spoil(layout, host="other-node", pid=1, started="1")
    assert holder(layout, "notebook") == "gone"
    with pytest.raises(Problem), hold(layout, "notebook", "next"):
        pass
    before = layout.lock("notebook").stat().st_mtime - 61
    os.utime(layout.lock("notebook"), (before, before))
    assert holder(layout, "notebook") == ""
    with hold(layout, "notebook", "next"):
        assert holder(layout, "notebook") == "next"


def test_whoever_slept_too_long_learns_that_it_is_no_longer_his(layout: Layout) -> None:
    with hold(layout, "notebook", "sleeper") as mine:
        mine.confirm()
        layout.lock("notebook").write_text(json.dumps({"action": "next"}))
        with pytest.raises(Problem):
            mine.confirm()
    assert json.loads(layout.lock("notebook").read_text())["action"] == "next"


def test_a_file_of_nonsense_holds_for_a_minute_only(layout: Layout) -> None:
    layout.locks.mkdir(parents=True)
    layout.lock("notebook").write_text("nonsense")
    assert holder(layout, "notebook") == ""
    with pytest.raises(Problem), hold(layout, "notebook", "next"):
        pass
    os.utime(layout.lock("notebook"), (1, 1))
    with hold(layout, "notebook", "next"):
        pass
