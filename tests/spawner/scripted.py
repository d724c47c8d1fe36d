"""A Slurm that says what a test tells it to say, behind the real monitor."""

from __future__ import annotations

from typing import Any

from slurm.client import SlurmClient
from slurm.errors import SlurmUnavailable
from slurm.monitor import Monitor
from slurm.records import Job, Node, Partition, Reservation

__all__ = ["ScriptedSlurm", "job", "monitor_of"]


def job(state: str = "RUNNING", **more: Any) -> Job:
    nodes = ("gpu03",) if state == "RUNNING" else ()
    words: dict[str, Any] = {"id": "7", "name": "hpchub/u/default/1", "user": "u", "account": "proj01"}
    return Job(**{**words, "partition": "jupyter", "state": state, "nodes": nodes, **more})


class ScriptedSlurm(SlurmClient):
    """Answers with `now`, or not at all while `down`."""

    def __init__(self, *jobs: Job) -> None:
        super().__init__()
        self.now = {one.id: one for one in jobs}
        self.down = False
        self.looks = 0

    def say(self, *jobs: Job) -> None:
        self.now = {one.id: one for one in jobs}

    async def jobs(self) -> dict[str, Job]:
        self.looks += 1
        if self.down:
            raise SlurmUnavailable("squeue", 1, "Unable to contact slurm controller (connect failure)")
        return dict(self.now)

    async def nodes(self) -> dict[str, Node]:
        if self.down:
            raise SlurmUnavailable("scontrol", 1, "Unable to contact slurm controller (connect failure)")
        return {}

    async def partitions(self) -> dict[str, Partition]:
        return {}

    async def reservations(self) -> dict[str, Reservation]:
        return {}


def monitor_of(slurm: SlurmClient) -> Monitor:
    """A monitor that looks so often that a test need not wait."""
    return Monitor(
        client=slurm, min_interval=0.01, waiting_interval=0.01, running_interval=0.01, max_backoff=0.01
    )
