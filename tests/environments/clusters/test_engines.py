"""The engines' job as somebody follows it who has started a cluster: with Slurm's programs on PATH."""

import asyncio
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from environments.clusters import profile as profiles
from environments.site_profile import Profile

STAND_IN = Path(__file__).with_name("stand_in")
REFUSED = "sbatch: error: Batch job submission failed: Invalid account\n"
GONE = "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1"


class Slurm:
    """Three programs that note how they were called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.says("sbatch", "echo 7")
        self.says("squeue", "echo 'RUNNING|None|gpu06'")
        self.says("scancel", "true")

    def says(self, program: str, script: str) -> None:
        note = f'printf "%s\\n" "$*" >> {self.folder}/{program}.asked'
        if program == "sbatch":
            note += f"; cat > {self.folder}/script; env > {self.folder}/env; umask > {self.folder}/umask"
        path = self.folder / f".{program}"
        path.write_text(f"#!/bin/sh\n{note}\n{script}\n")
        path.chmod(0o755)
        path.replace(self.folder / program)

    def asked(self, program: str) -> list[str]:
        file = self.folder / f"{program}.asked"
        return file.read_text().splitlines() if file.exists() else []

    def text(self, name: str) -> str:
        return (self.folder / name).read_text()


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Slurm:
    slurm = Slurm(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{slurm.folder}:/usr/bin:/bin")
    return slurm


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module as a kernel finds it in the user's profile."""
    folder = tmp_path / "profile_slurm"
    profiles.write(folder, profiles.files_of(Profile(queue="gpu"), "anna"))
    monkeypatch.setattr(sys, "path", [str(folder), str(STAND_IN), *sys.path])
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    import hpchub_slurm_engines

    return SimpleNamespace(folder=folder, all=hpchub_slurm_engines)


@pytest.fixture
def engines(module: Any, slurm: Slurm) -> Iterator[Callable[..., Any]]:
    made = []

    class Quick(module.all.SlurmEngines):  # type: ignore[misc, name-defined]
        intervals = (0.02,)
        submit_seconds = ask_seconds = 30

    def make(kind: type[Any] = Quick, **settings: Any) -> Any:
        settings = {"profile_dir": str(module.folder), "cluster_id": "c1", "queue": "gpu", **settings}
        one = kind(log=logging.getLogger("engines"), **settings)
        made.append(one)
        return one

    yield make
    for one in made:  # nobody follows it any more
        one.notify_stop({})
    for thread in threading.enumerate():
        if thread.name == "hpchub-engines":
            thread.join(30)


async def until(done: Callable[[], object]) -> None:
    for _try in range(3000):
        if done():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come")


def grow(log: str) -> None:
    """Make a log as large as no memory is; it takes no room."""
    with open(log, "wb") as file:
        file.truncate(2**40)
        file.seek(0, os.SEEK_END)
        file.write(b"the end\n")


async def test_a_job_is_submitted_once_with_all_that_was_set(
    engines: Callable[..., Any], slurm: Slurm, module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "canary")
    one = engines(
        timelimit=30,
        account="proj",
        qos="high",
        options="--gres=gpu:1 --comment='a b'",
        site_options=["--reservation=course 1"],
        cpus_per_engine=2,
    )
    assert await one.start(3) == "7"
    (asked,) = slurm.asked("sbatch")
    for word in ("--ntasks=3", "--partition=gpu", "--time=30", "--account=proj", "--qos=high"):
        assert word in asked.split()
    # The user's own come later, so they count.
    assert "--reservation=course 1 --gres=gpu:1 --comment=a b --export=ALL" in asked
    assert "--job-name=ipengine-c1" in asked
    assert "srun --mpi=none --cpus-per-task=2 python -m ipyparallel.engine" in slurm.text("script")
    assert "canary" not in slurm.text("env")
    assert "IPP_CLUSTER_ID=c1\n" in slurm.text("env")
    # The log is nobody else's business.
    assert slurm.text("umask") == "0077\n"
    assert one.log_file == f"{module.folder}/log/7.log"
    assert one.poll() is None


async def test_the_log_lies_where_the_site_says_and_else_in_the_profile(
    engines: Callable[..., Any], module: Any, tmp_path: Path, slurm: Slurm
) -> None:
    folder = tmp_path / "100%job"
    one = engines(log_folder=str(folder))
    await one.start(1)
    assert one.log_file == f"{folder}/7.log"
    assert folder.stat().st_mode & 0o777 == 0o700
    # As Slurm reads it, which replaces %j.
    assert f"--output={tmp_path}/100%%job/%j.log" in slurm.asked("sbatch")[0]
    (tmp_path / "file").touch()
    other = engines(log_folder=str(tmp_path / "file"))
    await other.start(1)
    assert other.log_file == f"{module.folder}/log/7.log"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (f"printf '{REFUSED}' >&2; exit 1", "Slurm did not take the engines' job: sbatch: error: Batch job"),
        ("echo hello", "sbatch said no job's number: 'hello'; look with squeue --me"),
    ],
)
async def test_a_job_that_is_not_taken_is_told_in_slurms_words(
    engines: Callable[..., Any], slurm: Slurm, module: Any, script: str, said: str
) -> None:
    slurm.says("sbatch", script)
    with pytest.raises(module.all.LauncherError, match=said):
        await engines().start(1)
    assert slurm.asked("squeue") == []


async def test_where_there_is_no_slurm_that_is_said(
    engines: Callable[..., Any], module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(module.all.LauncherError, match="no sbatch here"):
        await engines().start(1)


async def test_slurm_that_does_not_answer_is_not_waited_for_without_end(
    engines: Callable[..., Any], slurm: Slurm, module: Any
) -> None:
    class Impatient(module.all.SlurmEngines):  # type: ignore[misc, name-defined]
        submit_seconds = 0.2

    slurm.says("sbatch", "exec sleep 60")
    with pytest.raises(module.all.LauncherError, match=r"did not answer within 0.2 s; look with squeue --me"):
        await engines(Impatient).start(1)


async def test_what_becomes_of_the_job_is_said_once_each(
    engines: Callable[..., Any], slurm: Slurm, caplog: pytest.LogCaptureFixture
) -> None:
    slurm.says("squeue", "echo 'PENDING|Resources|'")
    one = engines()
    with caplog.at_level(logging.INFO, "engines"):
        await one.start(1)
        await until(lambda: len(slurm.asked("squeue")) > 3)
        slurm.says("squeue", "echo 'RUNNING|None|gpu06'")
        await until(lambda: "runs on gpu06" in caplog.text)
        assert one.state == "running"
        slurm.says("squeue", "echo 'TIMEOUT|TimeLimit|gpu06'")
        await until(lambda: one.state == "after")
    assert caplog.text.count("The engines' job 7 waits (Resources).") == 1
    assert caplog.text.count("The engines' job 7 has reached its time limit.") == 1
    assert one.stop_data["why"] == "The engines' job 7 has reached its time limit."
    assert one.poll() == 1


async def test_slurm_that_is_silent_for_a_while_ends_nothing(
    engines: Callable[..., Any], slurm: Slurm
) -> None:
    slurm.says("squeue", "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1")
    one = engines()
    await one.start(1)
    await until(lambda: len(slurm.asked("squeue")) > 4)
    assert one.state == "running"


async def test_a_job_that_slurm_knows_no_more_is_over_when_that_was_said_twice(
    engines: Callable[..., Any], slurm: Slurm
) -> None:
    turn = f"$(wc -l < {slurm.folder}/squeue.asked)"
    slurm.says("squeue", f"case {turn} in 2|4) {GONE};; esac; echo 'RUNNING|None|gpu06'")
    one = engines()
    await one.start(1)
    await until(lambda: len(slurm.asked("squeue")) > 6)
    assert one.state == "running"
    slurm.says("squeue", GONE)
    await until(lambda: one.state == "after")
    assert one.stop_data["why"] == "The engines' job 7 is over."


async def test_stop_cancels_the_job_and_nobody_asks_for_it_any_more(
    engines: Callable[..., Any], slurm: Slurm
) -> None:
    one = engines()
    await one.start(1)
    await one.stop()
    assert slurm.asked("scancel") == ["7"]
    assert one.poll() == 0
    for thread in threading.enumerate():
        if thread.name == "hpchub-engines":
            thread.join(30)
    await one.stop()
    assert slurm.asked("scancel") == ["7"]


async def test_stop_of_what_is_over_is_no_mistake(engines: Callable[..., Any], slurm: Slurm) -> None:
    slurm.says(
        "scancel", "echo 'scancel: error: Kill job error on job id 7: Invalid job id specified' >&2; exit 1"
    )
    one = engines()
    await one.start(1)
    await one.stop()
    assert one.state == "after"


@pytest.mark.parametrize("act", [lambda one: one.stop(), lambda one: one.signal(2)])
async def test_what_slurm_does_not_do_is_told_and_the_job_goes_on(
    engines: Callable[..., Any], slurm: Slurm, module: Any, act: Callable[[Any], Awaitable[None]]
) -> None:
    slurm.says("scancel", "echo 'scancel: error: Unable to contact slurm controller' >&2; exit 1")
    one = engines()
    await one.start(1)
    with pytest.raises(module.all.LauncherError, match="Unable to contact slurm controller"):
        await act(one)
    assert one.state == "running"


async def test_a_scancel_that_is_not_there_any_more_is_told(
    engines: Callable[..., Any], slurm: Slurm, module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = engines()
    await one.start(1)
    (slurm.folder / "scancel").unlink()
    monkeypatch.setenv("PATH", str(slurm.folder))
    with pytest.raises(module.all.LauncherError, match="scancel: No such file or directory"):
        await one.stop()


def test_a_kernel_that_ends_stops_them_when_no_thread_can_be_started_any_more(
    slurm: Slurm, module: Any
) -> None:
    program = (
        "import asyncio, atexit, hpchub_slurm_engines as engines\n"
        f"one = engines.SlurmEngines(profile_dir={str(module.folder)!r})\n"
        "asyncio.run(one.start(1))\n"
        "atexit.register(lambda: asyncio.run(one.stop()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": f"{module.folder}:{STAND_IN}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "Traceback" not in done.stderr
    assert slurm.asked("scancel") == ["7"]


async def test_a_signal_reaches_the_engines(engines: Callable[..., Any], slurm: Slurm) -> None:
    one = engines()
    await one.start(1)
    await one.signal(2)
    assert slurm.asked("scancel") == ["--signal=2 7"]
    assert one.state == "running"


async def test_the_loop_goes_on_while_slurm_makes_somebody_wait_for_stop(
    engines: Callable[..., Any], slurm: Slurm, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "gate")
    slurm.says("scancel", f"read line < {tmp_path}/gate")
    one = engines()
    await one.start(1)
    stopping = asyncio.create_task(one.stop())
    await until(lambda: slurm.asked("scancel"))
    assert not stopping.done()
    (tmp_path / "gate").write_text("go\n")
    await stopping
    assert one.state == "after"


async def test_what_a_user_has_set_for_squeue_changes_nothing(
    engines: Callable[..., Any], slurm: Slurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQUEUE_PARTITION", "other")
    monkeypatch.setenv("SCANCEL_INTERACTIVE", "1")
    for program in ("squeue", "scancel"):
        slurm.says(program, f"env > {slurm.folder}/{program}.env; echo 'RUNNING|None|gpu06'")
    one = engines()
    await one.start(1)
    await until(lambda: len(slurm.asked("squeue")) > 1)
    await one.stop()
    for program in ("squeue", "scancel"):
        said = slurm.text(f"{program}.env")
        assert "PATH=" in said
        assert "SQUEUE_" not in said
        assert "SCANCEL_" not in said


async def test_of_a_long_log_the_end_is_shown(
    engines: Callable[..., Any], module: Any, tmp_path: Path
) -> None:
    one = engines(log_folder=str(tmp_path))
    assert one.get_output() == ""
    await one.start(1)
    assert one.get_output() == ""
    grow(one.log_file)
    shown = one.get_output(remove=True)
    assert shown.endswith("the end\n")
    assert len(shown) == module.all.LARGEST_LOG
    assert one.get_output() == shown
