"""What Slurm told us, as values that nobody changes any more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

__all__ = ["Association", "Job", "Node", "Partition", "Reservation", "Sentence", "mark"]

_NO_GPUS: Mapping[str, int] = MappingProxyType({})


def mark(msgid: str) -> str:
    """Mark a text that people will read, for those who look for texts to translate; it stays as it is."""
    return msgid


class Sentence(NamedTuple):
    """A sentence for people, not yet translated.

    `msgid` is English with ``%(name)s`` placeholders, `params` what goes into them.
    """

    msgid: str
    params: dict[str, object]

    def __str__(self) -> str:
        return self.msgid % self.params if self.params else self.msgid


@dataclass(frozen=True, slots=True)
class Job:
    """One job. Times are aware UTC; None means unknown, and for `time_limit` unlimited.

    Attributes
    ----------
    id : str
        As squeue's ``%i`` prints it, so ``17``, and ``17_4``, ``17_[5-9]`` or ``17+1`` for other people's
        arrays and heterogeneous jobs. Ours are always digits.
    state : str
        Slurm's long word; `slurm.states.phase` says what it means.
    started : datetime or None
        While the job is pending: the start Slurm expects, when it has an opinion.
    nodes : tuple of str
        The allocated hosts by name, or none while pending.
    cpus, memory_mb, gpus : int
        Of the whole job: what it has, or asks for while it is pending; memory in MiB, 0 where unknown.
    gpu_types : mapping
        The GPUs for which Slurm names a type, by type; they are contained in `gpus`.
    reservation : str
        The reservation that it asked for, or "".
    """

    id: str
    name: str
    user: str
    account: str
    partition: str
    state: str
    reason: str = ""
    nodes: tuple[str, ...] = ()
    node_count: int = 0
    submitted: datetime | None = None
    started: datetime | None = None
    ends: datetime | None = None
    time_limit: timedelta | None = None
    priority: int = 0
    exit_code: str | None = None
    comment: str = ""
    qos: str = ""
    gres: str = ""
    batch_host: str = ""
    cpus: int = 0
    memory_mb: int = 0
    gpus: int = 0
    reservation: str = ""
    gpu_types: Mapping[str, int] = field(default_factory=lambda: _NO_GPUS)


@dataclass(frozen=True, slots=True)
class Node:
    """One node.

    `states` holds the base state and all flags as words (``{"MIXED", "DRAIN"}``), synonyms made equal and
    Slurm's suffix characters spelled out. `gpus` counts by type, ``""`` where the site gives none.
    """

    name: str
    states: frozenset[str]
    partitions: tuple[str, ...] = ()
    cpus: int = 0
    cpus_allocated: int = 0
    memory_mb: int = 0
    gpus: Mapping[str, int] = field(default_factory=lambda: _NO_GPUS)
    gpus_allocated: Mapping[str, int] = field(default_factory=lambda: _NO_GPUS)
    shards: int = 0
    shards_allocated: int = 0
    reason: str = ""
    features: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition; `allow_*` is None where everybody is allowed, `max_time` where there is no limit.

    `qos` is the partition's own QoS, whose limits come before those of a job's, or "".
    """

    name: str
    up: bool = True
    nodes: tuple[str, ...] = ()
    max_time: timedelta | None = None
    default_time: timedelta | None = None
    allow_accounts: frozenset[str] | None = None
    deny_accounts: frozenset[str] = frozenset()
    allow_groups: frozenset[str] | None = None
    allow_qos: frozenset[str] | None = None
    exclusive: bool = False
    qos: str = ""


@dataclass(frozen=True, slots=True)
class Association:
    """A user may charge an account; in one partition only, where `partition` names one."""

    user: str
    account: str
    partition: str | None = None
    qos: tuple[str, ...] = ()
    default: bool = False


@dataclass(frozen=True, slots=True)
class Reservation:
    """Nodes kept for somebody for some time; `users` and `accounts` are None where they do not limit it.

    `active` says whether it has begun. Names in `denied_*` are kept out (Slurm's ``-name``).
    """

    name: str
    active: bool = False
    starts: datetime | None = None
    ends: datetime | None = None
    partition: str = ""
    nodes: tuple[str, ...] = ()
    users: frozenset[str] | None = None
    accounts: frozenset[str] | None = None
    groups: frozenset[str] | None = None
    denied_users: frozenset[str] = frozenset()
    denied_accounts: frozenset[str] = frozenset()
