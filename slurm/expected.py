"""When a job would start, as ``sbatch --test-only`` says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["Expected"]


@dataclass(frozen=True, slots=True)
class Expected:
    """Slurm's opinion on a request that is not submitted.

    Attributes
    ----------
    start : datetime or None
        Aware UTC; None when Slurm has no opinion or would refuse the job.
    nodes : tuple of str
        Where it would run.
    refusal : str
        Slurm's own words when it would not take the job, else "".
    """

    start: datetime | None = None
    nodes: tuple[str, ...] = ()
    refusal: str = ""
