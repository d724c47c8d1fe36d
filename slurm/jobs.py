"""All jobs of one look, with what everybody counts in them counted once."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple, TypeAlias

from slurm.order import Lines, lines_of
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

    def take(self, other: Tally) -> None:
        """Count another's jobs in; in place, for limits of a whole account go through thousands."""
        self.running += other.running
        self.submitted += other.submitted
        if other.gpus:
            self.gpus.update(other.gpus)


class Jobs(Mapping[str, Job]):
    """Jobs by id, which nobody changes any more.

    Thousands of pages read one look; going through ten thousand jobs for each would keep the event loop
    busy. So counts that many need are made here, once, in the thread that reads Slurm's answer.
    """

    def __init__(self, jobs: Iterable[Job] = ()) -> None:
        self._jobs = {job.id: job for job in jobs}
        groups = Counter(map(_GROUP, self._jobs.values()))
        self.tallies: Mapping[Kin, Tally] = _tally(groups, self._jobs.values())
        """Usage by user, account, QoS and partition (as Slurm writes it, so several with commas)."""
        self.waiting: Mapping[str, int] = _count_waiting(groups)
        """Pending jobs by partition; a job that may run in several waits in each. An array counts once."""
        self.lines: Lines = lines_of(self._jobs.values())
        """Those who wait, by partition and in order; see `slurm.order`."""
        self.on_nodes: Mapping[str, list[Job]] = _by_node(self._jobs.values())
        """The jobs that hold something of a node, by the node's name."""
        self.states: frozenset[str] = frozenset(state for *_, state in groups)

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


# A job that ends still has its share of the node until Slurm has cleaned up.
_HOLDING = _IN_USE | {JobPhase.ENDING}


def _by_node(jobs: Iterable[Job]) -> dict[str, list[Job]]:
    found: dict[str, list[Job]] = defaultdict(list)
    for job in jobs:
        if job.nodes and phase(job.state) in _HOLDING:
            for name in job.nodes:
                found[name].append(job)
    return dict(found)


def tally(jobs: Iterable[Job]) -> dict[Kin, Tally]:
    """Count the jobs that wait or run, by whose they are."""
    jobs = list(jobs)
    return _tally(Counter(map(_GROUP, jobs)), jobs)


# Most jobs differ in nothing of this, and to count them so is the cheapest way to look at each.
_GROUP = attrgetter("user", "account", "qos", "partition", "state")
_Groups: TypeAlias = Mapping[tuple[str, str, str, str, str], int]


def _tally(groups: _Groups, jobs: Iterable[Job]) -> dict[Kin, Tally]:
    found: dict[Kin, Tally] = defaultdict(Tally)
    for (*kin, state), count in groups.items():
        stage = phase(state)
        if stage is JobPhase.WAITING or stage in _IN_USE:
            one = found[Kin(*kin)]
            one.submitted += count
            one.running += count * (stage in _IN_USE)
    for job in jobs:
        if "[" in job.id and phase(job.state) is JobPhase.WAITING:
            found[_kin(job)].submitted += _tasks(job.id) - 1
        if job.gpus and phase(job.state) in _IN_USE:
            gpus = found[_kin(job)].gpus
            gpus[""] += job.gpus
            gpus.update(job.gpu_types)
    return dict(found)


def _kin(job: Job) -> Kin:
    return Kin(job.user, job.account, job.qos, job.partition)


def _count_waiting(groups: _Groups) -> Counter[str]:
    found: Counter[str] = Counter()
    for (*_, partitions, state), count in groups.items():
        if phase(state) is JobPhase.WAITING:
            found.update(dict.fromkeys(partitions.split(","), count))
    return found


_ARRAY = re.compile(r"\d+_\[([\d,-]+)")


def _tasks(job_id: str) -> int:
    """Say for how many jobs a row stands: ``17_[2-3,9%1]`` are three that wait.

    Steps such as ``0-8:2`` and lists that squeue cuts short are counted by what can be read.
    """
    match = _ARRAY.match(job_id)
    if match is None:
        return 1
    count = 0
    for part in match[1].split(","):
        first, dash, last = part.partition("-")
        count += int(last) - int(first) + 1 if dash and last and first else 1
    return max(1, count)
