"""Ended jobs and associations out of what sacct and sacctmgr print, row by row."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from slurm.errors import SlurmNotUnderstood
from slurm.hostlist import expand
from slurm.records import Association, Job
from slurm.times import parse_duration, parse_time

__all__ = [
    "ASSOCIATION_FORMAT",
    "ENDED_FORMAT",
    "Strange",
    "parse_associations",
    "parse_cluster_name",
    "parse_ended_job",
    "read_rows",
]

Row = TypeVar("Row")
Record = TypeVar("Record")
Strange = list[str]
"""Rows that were left out because nobody could read them."""


def read_rows(
    command: str, rows: Iterable[Row], read: Callable[[Row], Record]
) -> tuple[list[Record], Strange]:
    """Read each row by itself, so that a strange one hides itself only.

    Raises
    ------
    SlurmNotUnderstood
        There are rows, and not one can be read.
    """
    records: list[Record] = []
    strange: Strange = []
    for row in rows:
        try:
            records.append(read(row))
        except (ValueError, OverflowError) as error:
            strange.append(f"{error} in {str(row)[:200]!r}")
    if strange and not records:
        raise SlurmNotUnderstood(command, 0, strange[0])
    return records, strange


ENDED_FORMAT = (
    "JobIDRaw,State,Partition,User,Account,QOS,Submit,Start,End,Timelimit,"
    "Priority,NNodes,NodeList,ExitCode,JobName"
)


def parse_ended_job(text: str, job_id: str) -> Job | None:
    """Read sacct's answer about one job, in `ENDED_FORMAT`; the last of several records is the latest."""
    found: Job | None = None
    for line in text.split("\n"):
        fields = line.split("|", ENDED_FORMAT.count(","))
        if fields[0] != job_id:  # also what follows a line break in the job's name
            continue
        try:
            found = _read_ended_job(fields)
        except ValueError as error:
            raise SlurmNotUnderstood("sacct", 0, f"{error} in {line[:200]!r}") from error
    return found


def _read_ended_job(fields: list[str]) -> Job:
    (job_id, state, partition, user, account, qos, submitted, started, ends, limit) = fields[:10]
    priority, node_count, nodes, exit_code, name = fields[10:]
    return Job(
        id=job_id,
        name=name,
        user=user,
        account=account,
        partition=partition,
        state=state.split()[0],  # "CANCELLED by 1000"
        nodes=expand(nodes),
        node_count=_number(node_count),
        submitted=parse_time(submitted),
        started=parse_time(started),
        ends=parse_time(ends),
        time_limit=parse_duration(limit),
        priority=_number(priority),
        exit_code=exit_code or None,
        qos=qos,
    )


ASSOCIATION_FORMAT = "format=User,DefaultAccount,Account,Partition,QOS"


def parse_associations(text: str) -> tuple[list[Association], Strange]:
    """Read what ``sacctmgr show user withassoc`` says in `ASSOCIATION_FORMAT`."""
    return read_rows("sacctmgr", (line for line in text.splitlines() if line.strip()), _read_association)


def _read_association(line: str) -> Association:
    user, default, account, partition, qos = line.split("|")
    if not user or not account:
        raise ValueError("no user or account")
    return Association(
        user=user,
        account=account,
        partition=partition or None,
        qos=tuple(name for name in qos.split(",") if name),
        default=account == default,
    )


def parse_cluster_name(text: str) -> str:
    """Find the cluster's name in what ``scontrol show config`` prints."""
    match = re.search(r"^ClusterName\s*=\s*(\S+)\s*$", text, re.MULTILINE)
    if match is None:
        raise SlurmNotUnderstood("scontrol", 0, f"no ClusterName in {text[:200]!r}")
    return match[1]


def _number(field: str) -> int:
    return int(field) if field.strip().isdigit() else 0
