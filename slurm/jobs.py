"""All jobs of one look, with what everybody counts in them counted once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from dataclasses import dataclass, field
from typing import NamedTuple

from slurm.records import Job
from slurm.states import JobPhase, phase

__all__ = ["Jobs", "Kin", "Tally", "tally"]

# Slurm counts a job for its user's limits from its allocation until its processes are ended.
_IN_USE = frozenset({JobPhase.STARTING, JobPhase.RUNNING})


class Kin(NamedTuple):
    """Whose a job is, for Slurm's limits."""

    user: str
    account: str
    qos: str
    partition: str


@dataclass(slots=True)
class Tally:
    """What the jobs of some kin have: `submitted` are waiting or running, GPUs those of running jobs."""

    running: int = 0
    submitted: int = 0
    gpus: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.running + other.running, self.submitted + other.submitted, self.gpus + other.gpus)


class Jobs(Mapping[str, Job]):
    """Jobs by id, which nobody changes any more.

    Thousands of pages read one look; going through ten thousand jobs for each would keep the event loop
    busy. So counts that many need are made here, once, in the thread that reads Slurm's answer.
    """

    def __init__(self, jobs: Iterable[Job] = ()) -> None:
        self._jobs = {job.id: job for job in jobs}
        self.tallies: Mapping[Kin, Tally] = tally(self._jobs.values())
        """Usage by user, account, QoS and partition (as Slurm writes it, so several with commas)."""
        self.waiting: Mapping[str, int] = _count_waiting(self._jobs.values())
        """Pending jobs by partition; a job that may run in several waits in each. An array counts once."""
        self.states: frozenset[str] = frozenset({job.state for job in self._jobs.values()})

    def __getitem__(self, job_id: str) -> Job:
        return self._jobs[job_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._jobs)

    def __len__(self) -> int:
        return len(self._jobs)

    def __contains__(self, job_id: object) -> bool:
        return job_id in self._jobs

    def __eq__(self, other: object) -> bool:
        return self._jobs == (other._jobs if isinstance(other, Jobs) else other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{len(self)} jobs>"

    # Those of `Mapping` look every key up again, in Python.
    def keys(self) -> KeysView[str]:
        return self._jobs.keys()

    def values(self) -> ValuesView[Job]:
        return self._jobs.values()

    def items(self) -> ItemsView[str, Job]:
        return self._jobs.items()


def tally(jobs: Iterable[Job]) -> dict[Kin, Tally]:
    """Count the jobs that wait or run, by whose they are."""
    found: dict[Kin, Tally] = {}
    for job in jobs:
        stage = phase(job.state)
        if stage is not JobPhase.WAITING and stage not in _IN_USE:
            continue
        kin = Kin(job.user, job.account, job.qos, job.partition)
        if (one := found.get(kin)) is None:
            one = found[kin] = Tally()
        one.submitted += _tasks(job.id)
        if stage in _IN_USE:
            one.running += 1
            one.gpus[""] += job.gpus
            one.gpus.update(job.gpu_types)
    return found


def _count_waiting(jobs: Iterable[Job]) -> Counter[str]:
    lists = Counter(job.partition for job in jobs if phase(job.state) is JobPhase.WAITING)
    found: Counter[str] = Counter()
    for names, count in lists.items():
        for name in names.split(","):
            found[name] += count
    return found


_ARRAY = re.compile(r"\d+_\[([\d,-]+)")


def _tasks(job_id: str) -> int:
    """Say for how many jobs a row stands: ``17_[2-3,9%1]`` are three that wait.

    Steps such as ``0-8:2`` and lists that squeue cuts short are counted by what can be read.
    """
    match = _ARRAY.match(job_id) if "[" in job_id else None
    if match is None:
        return 1
    count = 0
    for part in match[1].split(","):
        first, dash, last = part.partition("-")
        count += int(last) - int(first) + 1 if dash and last and first else 1
    return max(1, count)
