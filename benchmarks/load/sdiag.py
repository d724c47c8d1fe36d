"""What slurmctld was asked, as ``sdiag`` tells it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["ACTS", "Calls", "parse"]

_ROW = re.compile(r"^\s+(\S+)\s+\(\s*(\d+)\)\s+count:(\d+)\s+ave_time:\d+\s+total_time:(\d+)", re.MULTILINE)
_BY_TYPE = "Remote Procedure Call statistics by message type"
_BY_USER = "Remote Procedure Call statistics by user"
_PENDING = "Pending RPC statistics"

ACTS = frozenset(
    {
        "REQUEST_SUBMIT_BATCH_JOB",
        "REQUEST_JOB_WILL_RUN",
        "REQUEST_KILL_JOB",
        "REQUEST_CANCEL_JOB_STEP",
        "REQUEST_UPDATE_JOB",
    }
)
"""What hubs do to jobs, besides asking questions."""

_QUESTION = re.compile(r"^REQUEST_\w+_INFO(_SINGLE)?$|^REQUEST_JOB_USER_INFO$|^REQUEST_BUILD_INFO$")
_LOOKS = ("REQUEST_JOB_INFO", "REQUEST_JOB_INFO_SINGLE", "REQUEST_JOB_USER_INFO", "REQUEST_NODE_INFO")
# sdiag's own question, and what slurmd and slurmctld tell each other.
_NOT_ASKED_BY_HUBS = frozenset({"REQUEST_STATS_INFO"})


@dataclass(frozen=True)
class Calls:
    """The calls that slurmctld counted since its figures were last reset.

    Attributes
    ----------
    by_type, by_user : mapping of str to int
        Numbers of calls. Slurm 22.05 keeps the figures of the first 200 users only; types are complete.
    busy : mapping of str to int
        Microseconds that slurmctld spent, by type.
    """

    by_type: Mapping[str, int]
    by_user: Mapping[str, int]
    busy: Mapping[str, int]

    @property
    def questions(self) -> dict[str, int]:
        """Calls that ask about jobs, nodes, partitions or the configuration."""
        return {
            name: count
            for name, count in self.by_type.items()
            if _QUESTION.match(name) and name not in _NOT_ASKED_BY_HUBS
        }

    @property
    def queries(self) -> int:
        """Commands that asked: squeue, sinfo, scontrol show.

        squeue and sinfo fetch the partitions beside what they show, and a squeue for one job asks about
        federations, too: one command is two or three calls.
        """
        by_type = self.questions
        looks = sum(by_type.get(name, 0) for name in _LOOKS)
        return looks + max(0, by_type.get("REQUEST_PARTITION_INFO", 0) - looks)

    @property
    def acts(self) -> dict[str, int]:
        """Calls that submit, cancel or change a job, or would."""
        return {name: count for name, count in self.by_type.items() if name in ACTS}

    @property
    def controller_seconds(self) -> float:
        """What questions and acts took of slurmctld's time."""
        return sum(self.busy[name] for name in (*self.questions, *self.acts)) / 1e6

    def to_json(self) -> dict[str, Any]:
        return {
            "queries": self.queries,
            "questions": self.questions,
            "acts": self.acts,
            "by_user": dict(self.by_user),
            "controller_seconds": self.controller_seconds,
        }


def parse(text: str) -> Calls:
    """Read sdiag's report.

    Raises
    ------
    ValueError
        One of the two tables is missing.
    """
    for title in (_BY_TYPE, _BY_USER):
        if title not in text:
            raise ValueError(f"sdiag's report has no table {title!r}")
    types, rest = text.split(_BY_TYPE, 1)[1].split(_BY_USER, 1)
    users = rest.split(_PENDING, 1)[0]
    by_type = _ROW.findall(types)
    return Calls(
        by_type={name: int(count) for name, _id, count, _time in by_type},
        by_user={name: int(count) for name, _id, count, _time in _ROW.findall(users)},
        busy={name: int(time) for name, _id, _count, time in by_type},
    )
