"""kill -9 at any step, and cancelling: the environment always is one whole state, and the rest is swept."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from environments import generations, holding
from environments.layout import Layout
from environments.problems import Problem
from environments.records import Progress
from environments.site import Site
from tests.environments.engine.driver_run import command, drive
from tests.environments.engine.person import Person
from tests.environments.engine.serving import Served
from tests.environments.engine.tiny import Channel

STEPS = ["prepare", "solve", "install", "carry", "check", "switch", "clean"]


def _children_of(pid: int) -> list[int]:
    children = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(words[1]) == pid and words[0] != "Z":
            children.append(int(path.parent.name))
    return children


def _gone(pids: list[int]) -> bool:
    """Wait until processes have ended."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if not any(_runs(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("step", STEPS)
def test_whoever_is_killed_leaves_a_whole_environment(person: Person, channel: Channel, step: str) -> None:
    person.make("tool=1.0")
    result = subprocess.run(
        command(person.layout, channel.url, "tool=2.0", keep=True, carry=True, kill=step),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == -signal.SIGKILL, result.stderr
    assert person.packages()[-1] == ("tool-2.0" if step == "clean" else "tool-1.0")
    assert holding.holder(person.layout, "notebook") == ""
    again = command(person.layout, channel.url, "extra", keep=True)
    assert subprocess.run(again, capture_output=True, text=True, timeout=60, check=True).stdout == ""
    assert "extra-1.0" in person.packages()
    assert person.left_over() == []
    assert len(generations.list_all(person.layout, "notebook")) == 1


def test_the_engine_does_not_outlive_whoever_started_it(
    person: Person, served: Served, layout: Layout
) -> None:
    person.make("base")
    served.silent.add("tool-2.0-0.conda")
    with drive(layout, served.url, "tool", keep=True) as process:
        assert served.asked.wait(30)
        workers = _children_of(process.pid)
        assert workers
        process.kill()
        assert _gone(workers)
    assert person.packages() == ["base-1.0"]


def test_a_killed_engine_is_told_and_nothing_is_left(person: Person, served: Served) -> None:
    person.make("base")
    served.silent.add("tool-2.0-0.conda")
    other = Person(person.layout, person.site.model_copy(update={"channels": (served.url,)}))

    def tell(said: Progress | str) -> None:
        if isinstance(said, Progress) and said.step == "install" and served.asked.wait(30):
            for pid in _children_of(os.getpid()):
                os.kill(pid, signal.SIGKILL)

    with pytest.raises(Problem) as caught:
        other.make("tool", keep=True, tell=tell)
    assert caught.value.code == "killed"
    assert person.packages() == ["base-1.0"]
    assert person.left_over() == []
    served.speak.set()
    other.make("tool", keep=True)
    assert "tool-2.0" in person.packages()


def test_cancelling_ends_the_engine_at_once(person: Person, served: Served) -> None:
    person.make("base")
    served.silent.add("tool-2.0-0.conda")
    with drive(person.layout, served.url, "tool", keep=True) as process:
        assert served.asked.wait(30)
        workers = _children_of(process.pid)
        process.send_signal(signal.SIGTERM)
        assert process.stdout
        assert process.stdout.read() == "cancelled\n"
        assert _gone(workers)
    assert person.packages() == ["base-1.0"]
    assert person.left_over() == []
    assert holding.holder(person.layout, "notebook") == ""


def test_cancelling_while_another_installs_does_not_wait_for_him(person: Person, served: Served) -> None:
    served.silent.add("tool-2.0-0.conda")
    layout = person.layout
    with drive(layout, served.url, "tool"):
        assert served.asked.wait(30)
        other = drive(Layout(layout.root), served.url, "base", action="b")
        with other as process:
            assert process.stdout
            assert process.stdout.read() == "busy\n"
        served.speak.set()
    assert Site().engine == "rattler"
