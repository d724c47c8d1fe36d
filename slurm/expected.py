"""When a job would start, as ``sbatch --test-only`` says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from slurm.errors import SlurmRefused, classify
from slurm.hostlist import expand
from slurm.times import parse_time

__all__ = ["Expected", "parse_test_only"]


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

    @property
    def perhaps_later(self) -> bool:
        """Whether the refusal may be about today and not about the request.

        Slurm 22.05 says that a configuration is not available when no node has it, and in the same words
        when all nodes that have it are down, drained or reserved; ``sbatch`` itself takes the second job.
        """
        return _PERHAPS_LATER.search(self.refusal) is not None


# On standard error. The words are those of src/api/allocate.c, 20.11 to 26.05, which came to name a cluster
# between the time and the number.
_START = re.compile(r"\bJob \d+ to start at (\S+) (?:.* )?using \d+ processors on (?:nodes )?(\S*)")
_ALLOCATION = "allocation failure: "
_PERHAPS_LATER = re.compile(
    r"node configuration is not available|partition not available|nodes are busy|node not available", re.I
)


def parse_test_only(returncode: int, stdout: str, stderr: str) -> Expected:
    """Read the answer of ``sbatch --test-only``.

    Run it with ``SLURM_TIME_FORMAT=%s``: the start then comes in seconds of the epoch. A time without a zone
    is taken for one of this machine's own zone, in which Slurm prints when ``TZ`` is not set.

    Raises
    ------
    SlurmUnavailable
        Slurm does not answer, or something on the way to it failed.
    """
    if returncode != 0:
        error = classify("sbatch", returncode, stdout, stderr)
        if not isinstance(error, SlurmRefused):
            raise error
        return Expected(refusal=error.message.replace(_ALLOCATION, ""))
    found = _START.findall(f"{stdout}\n{stderr}")
    if not found:
        return Expected()
    start, nodes = found[-1]  # what a site's plugin says comes before
    return Expected(start=_moment(start), nodes=_hosts(nodes))


def _moment(text: str) -> datetime | None:
    try:
        if text.isdigit():
            return parse_time(text)
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):  # "Unknown", or a format that the site chose: no opinion
        return None


def _hosts(text: str) -> tuple[str, ...]:
    try:
        return expand(text)
    except ValueError:
        return ()
