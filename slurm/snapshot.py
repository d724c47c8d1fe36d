"""What a monitor knows, frozen at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import TypeVar

from slurm.records import Job, Node, Partition, Reservation
from slurm.states import JobPhase

__all__ = ["JobView", "Snapshot"]

_T = TypeVar("_T")


def _nothing() -> Mapping[str, _T]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The last good answers and how old they are.

    `jobs_at` and `nodes_at` are None as long as Slurm never answered; `problem` says in words why the last
    look at either failed, and is None when both succeeded; `jobs_problem` is about the jobs alone. Nodes are
    looked at only when somebody asks, so their failure may be long ago and says nothing about jobs.
    """

    jobs: Mapping[str, Job] = field(default_factory=_nothing)
    nodes: Mapping[str, Node] = field(default_factory=_nothing)
    partitions: Mapping[str, Partition] = field(default_factory=_nothing)
    reservations: Mapping[str, Reservation] = field(default_factory=_nothing)
    jobs_at: datetime | None = None
    nodes_at: datetime | None = None
    problem: str | None = None
    jobs_problem: str | None = None

    @property
    def as_of(self) -> datetime | None:
        """The moment for which jobs and nodes both hold: the older of the two."""
        if self.jobs_at is None or self.nodes_at is None:
            return None
        return min(self.jobs_at, self.nodes_at)

    def age_s(self, now: datetime) -> float | None:
        """Give the age in seconds of the older half, or None when one of them was never seen."""
        return None if self.as_of is None else max(0.0, (now - self.as_of).total_seconds())


@dataclass(frozen=True, slots=True)
class JobView:
    """What is known about one job.

    `job` is its record as it was last seen, so it may say RUNNING when `phase` says UNKNOWN or ENDED. `age_s`
    counts from the last look that confirmed `phase`; None when no look ever did.
    """

    phase: JobPhase
    job: Job | None = None
    age_s: float | None = None
