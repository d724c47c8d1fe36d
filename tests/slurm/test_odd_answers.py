"""squeue and scontrol that say something else than they should: no server that runs is given up for it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from slurm.client import SlurmClient
from slurm.monitor import Monitor
from slurm.states import JobPhase
from tests.slurm.patience import until

DATA = Path(__file__).parent / "data"
RUNNING, WAITING, OLD = "67", "73", "12345"
GOOD = f'sed "s/=ab12=/${{SQUEUE_FORMAT2##*:0}}/g" {DATA}/squeue.txt'
ERROR = "slurm_load_jobs error: Unable to contact slurm controller (connect failure)"


class Slurm:
    """Programs named like Slurm's, of which squeue says something else from now on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.says(GOOD)
        self._install(
            "scontrol", f'case "$*" in *node) cat {DATA}/nodes.txt;; *) cat {DATA}/partitions.txt;; esac'
        )

    def says(self, script: str) -> None:
        self._install("squeue", script)

    def nodes_say(self, script: str) -> None:
        self._install("scontrol", script)

    def _install(self, name: str, script: str) -> None:
        new = self.folder / f"{name}.new"
        new.write_text(f"#!/bin/sh\n{script}\n")
        new.chmod(0o755)
        new.rename(self.folder / name)


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Slurm:
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return Slurm(tmp_path)


@pytest.fixture
async def monitor(slurm: Slurm) -> AsyncIterator[Monitor]:
    quick = {"waiting_interval": 0.05, "running_interval": 0.05, "min_interval": 0.01, "max_backoff": 0.05}
    client = SlurmClient(timeout=2.0, log=logging.getLogger("hpchub"))
    monitor = Monitor(client=client, log=logging.getLogger("hpchub"), **quick)
    yield monitor
    await monitor.close()


NO_ANSWERS = {
    "nothing": "true",
    "an empty line": "echo",
    "a warning instead of the rows": "echo 'squeue: warning: the end is near'",
    "a warning and nothing else, on both streams": "echo x; echo y >&2",
    "an error text with success": f"echo '{ERROR}'",
    "an error text on the other stream with success": f"echo '{ERROR}' >&2",
    "an error that nobody knows": "echo 'squeue: error: the moon is full' >&2; exit 3",
    "another format": "echo 'JOBID PARTITION NAME'; echo '67 jupyter x'",
    "binary garbage": "head -c 100000 /dev/urandom",
    "ten megabytes": "yes 67 | head -c 10000000",
    "half an answer": f"{GOOD} | head -c 1500",
    "an answer without its beginning": f"{GOOD} | tail -n 3",
    "a signal": "kill -9 $$",
    "an answer after the time limit": f"sleep 3; {GOOD}",
    "a login shell's greeting": "echo 'Welcome to the cluster!'; echo 'You have mail.'; exit 1",
}


@pytest.mark.parametrize("script", NO_ANSWERS.values(), ids=NO_ANSWERS.keys())
async def test_what_is_no_answer_ends_no_server_and_is_told(
    slurm: Slurm, monitor: Monitor, script: str
) -> None:
    for job in (RUNNING, WAITING):
        monitor.watch(job)
    await until(monitor, lambda: monitor.fate(RUNNING).phase is JobPhase.RUNNING)
    good = monitor.snapshot.jobs_at
    slurm.says(script)
    await until(monitor, lambda: monitor.snapshot.problem is not None)
    for _ in range(2):
        assert await monitor.changed(10)
    assert monitor.fate(RUNNING).phase is JobPhase.RUNNING
    assert monitor.fate(WAITING).phase is JobPhase.WAITING
    # The last figures stay, and are as old as they are.
    assert (len(monitor.snapshot.jobs), monitor.snapshot.jobs_at) == (16, good)
    assert len(monitor.snapshot.problem or "") < 300
    slurm.says(GOOD)
    await until(monitor, lambda: monitor.snapshot.problem is None)


ANSWERS = {
    "a warning before it": f"echo 'squeue: warning: old'; {GOOD}",
    "a warning on the other stream": f"echo 'squeue: error: plugin x is old' >&2; {GOOD}",
    "a word after it": f"{GOOD}; echo goodbye",
    "a state of a later Slurm beside them": f"{GOOD} | sed 's/^74|PENDING/74|DREAMING/'",
    "a broken row beside them": f"{GOOD} | sed 's/^74|PENDING|jupyter/74|PENDING/'",
    "bytes that are no text in a name": f"{GOOD} | sed 's/two nodes/\\xff\\xfe/'",
    "a failing grandchild": f"{GOOD}; (sleep 0.1; false) &",
}


@pytest.mark.parametrize("script", ANSWERS.values(), ids=ANSWERS.keys())
async def test_an_answer_counts_whatever_stands_beside_it(
    slurm: Slurm, monitor: Monitor, script: str
) -> None:
    slurm.says(script)
    for job in (RUNNING, OLD):
        monitor.watch(job, just_submitted=False)
    await until(monitor, lambda: monitor.fate(RUNNING).phase is JobPhase.RUNNING)
    # And it proves as much as any: that a job is not there.
    await until(monitor, lambda: monitor.fate(OLD).phase is JobPhase.ENDED)
    assert monitor.snapshot.problem is None


async def test_a_header_alone_says_that_all_jobs_have_ended(slurm: Slurm, monitor: Monitor) -> None:
    monitor.watch(RUNNING)
    await until(monitor, lambda: monitor.fate(RUNNING).phase is JobPhase.RUNNING)
    slurm.says(f"{GOOD} | head -n 1")
    await until(monitor, lambda: monitor.fate(RUNNING).phase is JobPhase.ENDED)


@pytest.mark.parametrize(
    "script",
    ["true", "echo", "echo welcome", f"head -c 3000 {DATA}/nodes.txt", f"echo '{ERROR}'", "cat /dev/urandom"],
)
async def test_a_centre_does_not_lose_its_nodes_to_a_strange_answer(
    slurm: Slurm, monitor: Monitor, script: str
) -> None:
    monitor.client.timeout = 5.0
    good = await monitor.look_nodes(0)
    assert (len(good.nodes), good.problem) == (12, None)
    slurm.nodes_say(script)
    while monitor.snapshot.problem is None:
        await monitor.look_nodes(0)
    assert (len(monitor.snapshot.nodes), monitor.snapshot.nodes_at) == (12, good.nodes_at)


async def test_without_reservations_the_nodes_come_all_the_same(
    slurm: Slurm, monitor: Monitor, caplog: pytest.LogCaptureFixture
) -> None:
    """scontrol of this test answers the question for reservations with partitions."""
    shot = await monitor.look_nodes(0)
    assert (len(shot.nodes), len(shot.partitions), shot.reservations) == (12, 4, {})
    assert shot.problem is None
    assert "reservations cannot be read" in caplog.text
