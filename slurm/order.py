"""Who comes before whom among the waiting jobs."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TypeAlias

from slurm.records import Job
from slurm.states import JobPhase, is_held, phase

__all__ = ["Lines", "jobs_ahead", "lines_of"]

_Place: TypeAlias = tuple[int, int, str]
Lines: TypeAlias = Mapping[str, list[_Place]]
"""For each partition those who wait in it, in the order in which Slurm thinks of them."""

# These wait for something else than room, and let everybody pass.
_STEPPED_ASIDE = frozenset({"Dependency", "DependencyNeverSatisfied", "BeginTime", "JobArrayTaskLimit"})


def lines_of(jobs: Iterable[Job]) -> Lines:
    """Put the waiting jobs in line, by priority and then by id.

    Held jobs, and those that wait for a time or for another job, are in nobody's way and in no line. One
    that may run in several partitions stands in each.
    """
    lines: dict[str, list[_Place]] = defaultdict(list)
    for job in jobs:
        if _in_line(job.state, job.reason):
            place = (-job.priority, _number(job.id), job.id)
            for name in job.partition.split(","):
                lines[name].append(place)
    for line in lines.values():
        line.sort()
    return lines


def jobs_ahead(job: Job, lines: Lines) -> int | None:
    """Count the jobs in line in the same partition that Slurm will think of before this one.

    None when the job does not wait. Its own place counts even where it is held.
    """
    if phase(job.state) is not JobPhase.WAITING:
        return None
    place = (-job.priority, _number(job.id), "")
    before = [lines[name][: bisect_left(lines[name], place)] for name in _partitions(job, lines)]
    return len(before[0]) if len(before) == 1 else len({one for line in before for one in line})


def _partitions(job: Job, lines: Lines) -> list[str]:
    return [name for name in job.partition.split(",") if name in lines]


@lru_cache(maxsize=1024)
def _in_line(state: str, reason: str) -> bool:
    return phase(state) is JobPhase.WAITING and not is_held(state, reason) and reason not in _STEPPED_ASIDE


def _number(job_id: str) -> int:
    """Give the number of ``17``, ``17_4``, ``17_[5-9]`` or ``17+1``."""
    digits = job_id if job_id.isdigit() else job_id.replace("+", "_").partition("_")[0]
    return int(digits) if digits.isdigit() else 0
