import asyncio
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from slurm.errors import SlurmNotUnderstood, SlurmUnavailable
from slurm.process import base_environment, run

PYTHON = sys.executable


def _alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        # A zombie that waits for its reaper has stopped all the same.
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    return False


async def _gone(*pids: int) -> bool:
    for _ in range(1500):
        if not any(_alive(pid) for pid in pids):
            return True
        await asyncio.sleep(0.02)
    return False


def _words(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []


async def _pids(file: Path) -> list[int]:
    for _ in range(1500):
        if len(words := _words(file)) == 2:
            return [int(word) for word in words]
        await asyncio.sleep(0.02)
    raise AssertionError("the program did not start")


def _family(file: Path) -> list[str]:
    """A program that starts a child, writes both pids down and hangs."""
    return ["sh", "-c", f"sleep 60 & echo $$ $! > {file}; wait"]


async def test_output_and_status_come_back() -> None:
    done = await run(["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")


async def test_input_is_given_and_strange_bytes_are_replaced() -> None:
    done = await run(["cat"], input="안녕\n")
    assert done.stdout == "안녕\n"
    done = await run(["printf", r"a\377b"])
    assert done.stdout == "a\ufffdb"


async def test_without_input_a_program_that_reads_does_not_hang() -> None:
    assert (await run(["cat"], timeout=5)).stdout == ""


async def test_a_program_that_does_not_read_its_input_is_no_trouble() -> None:
    assert (await run(["true"], input="x" * 1_000_000, timeout=5)).returncode == 0


async def test_nothing_of_ours_reaches_slurm_but_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQUEUE_STATES", "R")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "secret")
    monkeypatch.setenv("SLURM_CONF", "/etc/slurm/slurm.conf")
    seen = (await run(["env"])).stdout.splitlines()
    assert "SLURM_CONF=/etc/slurm/slurm.conf" in seen
    assert "SLURM_TIME_FORMAT=%s" in seen
    assert "TZ=UTC" in seen
    assert not [line for line in seen if line.startswith(("SQUEUE", "JUPYTERHUB"))]


async def test_a_program_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    with pytest.raises(SlurmUnavailable, match=r"did not answer within 2 s"):
        await run(_family(tmp_path / "pids"), timeout=2)
    assert await _gone(*await _pids(tmp_path / "pids"))


async def test_a_cancelled_caller_leaves_nothing_running(tmp_path: Path) -> None:
    task = asyncio.create_task(run(_family(tmp_path / "pids"), timeout=60))
    pids = await _pids(tmp_path / "pids")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await _gone(*pids)


async def test_children_that_outlive_their_program_are_killed_and_not_waited_for(tmp_path: Path) -> None:
    began = time.monotonic()
    done = await run(["sh", "-c", f"sleep 60 & echo $$ $! > {tmp_path}/pids; echo done"], timeout=30)
    assert done.stdout == "done\n"
    assert time.monotonic() - began < 25
    assert await _gone(*await _pids(tmp_path / "pids"))


async def test_a_flood_is_stopped() -> None:
    with pytest.raises(SlurmNotUnderstood, match="more than 100000 bytes"):
        await run(["yes"], max_output=100_000, timeout=20)


async def test_a_missing_program_names_the_setting() -> None:
    with pytest.raises(SlurmUnavailable) as caught:
        await run(["/opt/slurm/bin/squeue"], setting="SlurmClient.squeue_command")
    assert str(caught.value) == (
        "squeue: cannot run /opt/slurm/bin/squeue (No such file or directory); "
        "set SlurmClient.squeue_command to the full path of the program"
    )


async def test_a_program_that_may_not_be_run_is_an_outage(tmp_path: Path) -> None:
    (tmp_path / "squeue").write_text("#!/bin/sh\n")
    with pytest.raises(SlurmUnavailable, match="Permission denied"):
        await run([str(tmp_path / "squeue")])


async def test_many_programs_leave_no_open_files() -> None:
    before = len(os.listdir("/proc/self/fd"))
    await asyncio.gather(*(run([PYTHON, "-c", "print('x')"]) for _ in range(8)))
    assert len(os.listdir("/proc/self/fd")) <= before + 1


def test_the_environment_has_a_path_even_where_ours_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PATH")
    assert base_environment()["PATH"] == os.defpath
