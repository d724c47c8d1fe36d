"""Who comes before whom among the waiting jobs."""

from __future__ import annotations

import re
from collections.abc import Mapping

from slurm.records import Job
from slurm.states import JobPhase, is_held, phase

__all__ = ["jobs_ahead"]

# These wait for something else than room, and let everybody pass.
_STEPPED_ASIDE = frozenset({"Dependency", "DependencyNeverSatisfied", "BeginTime", "JobArrayTaskLimit"})


def jobs_ahead(jobs: Mapping[str, Job], job_id: str) -> int | None:
    """Count the pending jobs of the same partition with a higher priority, or the same and a lower id.

    Held jobs, and those that wait for a time or for another job, are not in the way and not counted. None
    when the job is not known to be pending.
    """
    own = jobs.get(job_id)
    if own is None or phase(own.state) is not JobPhase.WAITING:
        return None
    partitions, place = set(own.partition.split(",")), _place(own)
    return sum(
        1
        for job in jobs.values()
        if phase(job.state) is JobPhase.WAITING
        and _place(job) < place
        and not partitions.isdisjoint(job.partition.split(","))
        and not is_held(job.state, job.reason)
        and job.reason not in _STEPPED_ASIDE
    )


def _place(job: Job) -> tuple[int, int]:
    """Sort key: the job of the smallest is thought of first."""
    digits = re.match(r"\d+", job.id)
    return -job.priority, int(digits[0]) if digits else 0
