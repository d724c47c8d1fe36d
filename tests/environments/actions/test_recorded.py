"""An action as a job and a terminal run it: with its journal, cancelled by signals, one at a time."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import environments
from environments import generations, holding, journal
from environments.actions.recorded import BUSY, CANCELLED, DONE, FAILED, NOT_UNDERSTOOD, recorded
from environments.command.job import time_limit
from environments.site import own_name
from tests.environments.actions.kit import User, action, stalled_channel, tree

RUN = Path(environments.__file__).with_name("run.py")


@pytest.fixture
def settings(user: User, tmp_path: Path) -> Path:
    """The site's file, by which the processes of these tests find what `user` has."""
    path = tmp_path / "environments.toml"
    path.write_text(
        f'root = "{tmp_path}/{{user}}/.conda"\nworkspace = "{tmp_path}/{{user}}/workspace"\n'
        f'channels = ["{user.site.channels[0]}"]\nplatform = "linux-64"\nleast_free_mb = 0\n'
        f'definitions = "{user.site.definitions}"\n[[sets]]\nname = "small"\n[plugins]\nspecs = ["extra"]\n'
    )
    user.layout.root.parent.mkdir(exist_ok=True)
    (tmp_path / own_name()).symlink_to(user.layout.root.parent)
    return path


def job(settings: Path, about: object) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(
        [sys.executable, "-I", RUN, "--site", settings, "job"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdin is not None
    process.stdin.write(about if isinstance(about, bytes) else json.dumps(about).encode())
    process.stdin.close()
    process.stdin = None
    return process


def done(process: "subprocess.Popen[bytes]") -> tuple[int, str]:
    said, _ = process.communicate(timeout=120)
    return process.returncode, said.decode()


def test_a_job_tells_its_log_and_its_journal(user: User, settings: Path) -> None:
    wanted = action("bootstrap")
    code, said = done(job(settings, wanted.as_json()))
    assert code == DONE, said
    assert "3 packages" in said
    assert user.tool() == "one"
    assert user.layout.actions.stat().st_mode & 0o077 == 0
    events, _ = journal.read(user.layout.journal(wanted.id))
    assert events[0].about["action"]["verb"] == "bootstrap"
    assert events[0].about["pid"] != os.getpid()
    assert events[-1].about["result"] == "done"
    steps = [event.about["step"] for event in events if event.kind == "progress"]
    assert list(dict.fromkeys(steps)) == ["prepare", "solve", "install", "check", "switch", "clean"]


def test_a_job_that_fails_says_why_in_both(notebook: User, settings: Path) -> None:
    wanted = action("install", specs=("old",))
    code, said = done(job(settings, wanted.as_json()))
    assert code == FAILED
    assert "old" in said
    end = journal.first_and_last(notebook.layout.journal(wanted.id))[1]
    assert end is not None
    assert end.about["problem"]["code"] == "unsolvable"
    assert "old" in end.about["problem"]["details"]


@pytest.mark.parametrize(
    "about",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        {"verb": "reset"},
        {"id": 7, "verb": "reset", "environment": "x"},
        {"id": "a" * 16, "verb": "reset", "environment": ["x"]},
        {"id": "a" * 16, "verb": "install", "environment": "x", "specs": [["numpy"]]},
        {"id": "a" * 16, "verb": "install", "environment": "x", "specs": "numpy"},
    ],
)
def test_what_is_no_action_is_not_understood(settings: Path, about: object) -> None:
    code, said = done(job(settings, about))
    assert code == NOT_UNDERSTOOD
    assert "Traceback" not in said


@pytest.mark.parametrize("identity", ["../../../x", "A" * 16, "", "a" * 15])
def test_a_hostile_id_is_refused_before_it_names_a_file(user: User, settings: Path, identity: str) -> None:
    about = {**action("bootstrap").as_json(), "id": identity}
    code, said = done(job(settings, about))
    assert code != DONE
    assert "Traceback" not in said
    assert not list(user.layout.root.parent.parent.rglob("*.jsonl"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_cancels_and_the_environment_is_as_it_was(
    notebook: User, settings: Path, number: signal.Signals
) -> None:
    before = tree(notebook.prefix().resolve())
    with stalled_channel() as url:
        settings.write_text(settings.read_text().replace(notebook.site.channels[0], url))
        wanted = action("reset")
        process = job(settings, wanted.as_json())
        until(lambda: "solve" in steps(notebook, wanted.id))
        process.send_signal(number)
        code, said = done(process)
    assert code == CANCELLED, said
    assert "as it was" in said
    end = journal.first_and_last(notebook.layout.journal(wanted.id))[1]
    assert end is not None
    assert end.about["result"] == "cancelled"
    assert tree(notebook.prefix().resolve()) == before
    assert len(list(notebook.layout.generations.iterdir())) == 1
    assert holding.holder(notebook.layout, "notebook") == ""


def test_a_job_whose_time_is_up_says_so_and_not_that_somebody_cancelled_it(
    notebook: User, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(int(time.time())))
    with stalled_channel() as url:
        settings.write_text(settings.read_text().replace(notebook.site.channels[0], url))
        wanted = action("reset")
        process = job(settings, wanted.as_json())
        until(lambda: "solve" in steps(notebook, wanted.id))
        process.send_signal(signal.SIGTERM)
        code, said = done(process)
    assert (code, "reached the time limit" in said) == (FAILED, True)
    end = journal.first_and_last(notebook.layout.journal(wanted.id))[1]
    assert end is not None
    assert (end.about["result"], end.about["problem"]["code"]) == ("failed", "time-limit")


def test_older_slurm_tells_no_end_and_the_sites_limit_counts() -> None:
    now = time.time()
    assert time_limit(60, now - 3600, {}) is not None
    assert time_limit(60, now - 3500, {}) is None
    assert time_limit(60, now - 3600, {"SLURM_JOB_END_TIME": str(int(now) + 900)}) is None
    assert time_limit(60, now - 3600, {"SLURM_JOB_END_TIME": "Unknown"}) is not None


def test_two_at_once_and_the_second_one_is_told_so(notebook: User, settings: Path) -> None:
    with stalled_channel() as url:
        text = settings.read_text()
        settings.write_text(text.replace(notebook.site.channels[0], url))
        first = action("reset")
        process = job(settings, first.as_json())
        until(lambda: "solve" in steps(notebook, first.id))
        settings.write_text(text)
        code, said = done(job(settings, action("install", specs=("extra",)).as_json()))
        assert code == BUSY
        assert "right now" in said
        other = done(job(settings, action("bootstrap", "other").as_json()))
        assert other[0] == DONE, other
        process.kill()
        process.wait()
    outcome = recorded(action("install", specs=("extra",)), notebook.site, notebook.layout, lambda _: None)
    assert outcome.code == DONE
    assert notebook.states() == ["install", "bootstrap"]


def test_the_same_action_is_not_done_twice(notebook: User) -> None:
    wanted = action("reset")
    recorded(wanted, notebook.site, notebook.layout, lambda _: None)
    again = recorded(wanted, notebook.site, notebook.layout, lambda _: None)
    assert again.code == FAILED
    assert again.problem is not None
    assert again.problem.code == "request"
    assert len(generations.list_all(notebook.layout, "notebook")) == 2


def test_a_journal_is_not_written_out_of_the_users_own_folder(user: User, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    user.layout.actions.parent.mkdir(parents=True)
    user.layout.actions.symlink_to(elsewhere)
    outcome = recorded(action("bootstrap"), user.site, user.layout, lambda _: None)
    assert outcome.problem is not None
    assert outcome.problem.code == "folder"
    assert not list(elsewhere.iterdir())


def test_the_text_of_an_import_is_not_kept_twice(user: User) -> None:
    wanted = action("import", "new", text="dependencies: [base]\n", format="yml")
    assert recorded(wanted, user.site, user.layout, lambda _: None).code == DONE
    assert "dependencies" not in user.layout.journal(wanted.id).read_text()


def test_signals_are_as_they_were_afterwards(notebook: User) -> None:
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    recorded(action("plugins"), notebook.site, notebook.layout, lambda _: None)
    assert [signal.getsignal(number) for number in numbers] == before


def steps(user: User, identity: str) -> list[str]:
    events, _ = journal.read(user.layout.journal(identity))
    return [event.about["step"] for event in events if event.kind == "progress"]


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_oldest_journals_go_with_the_next_action(notebook: User) -> None:
    for n in range(journal.KEPT + 5):
        path = notebook.layout.journal(f"{n:016x}")
        path.touch()
        os.utime(path, (n, n))
    wanted = action("remove", specs=("nosuch",))
    recorded(wanted, notebook.site, notebook.layout, lambda said: None)
    left = {path.stem for path in notebook.layout.actions.iterdir()}
    assert len(left) == journal.KEPT
    assert wanted.id in left
