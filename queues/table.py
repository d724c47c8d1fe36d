"""The queue table: what every queue has, how much of it is free, and whether this user may have it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from queues.access import account_note, effective_hours, obstacle
from queues.gpus import gpu_label
from queues.places import Places, count_places
from queues.policy import Queue, QueuePolicy
from queues.slots import jobs_by_node
from slurm.jobs import Jobs
from slurm.records import Association, Job, Node, Sentence
from slurm.snapshot import Snapshot
from slurm.states import NodeUse, node_use

__all__ = ["NodeCounts", "QueueRow", "QueueTable", "build_table"]


_NOTHING: Final[Mapping[str, int]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class NodeCounts:
    """Nodes by use, and their GPUs by type; `total` is always the sum of the three."""

    alloc: int
    idle: int
    down: int
    gpus_by_type: Mapping[str, int]

    @property
    def total(self) -> int:
        return self.alloc + self.idle + self.down


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One line of the table. A number is None as long as it is not known.

    Attributes
    ----------
    gpus_by_type : mapping
        GPUs of all nodes of the queue, ``""`` for those that Slurm gives no type.
    free_slots, total_slots : int or None
        Of a shared queue, and of one of the kind "gpus" that gives none; None for others.
    free_gpus, total_gpus : int or None
        Free are those of idle nodes, and on a queue of the kind "gpus" those that its nodes have left, of the
        types that it offers. A shared queue gives out slots, not GPUs: its `free_gpus` is None.
    free_by_type : mapping
        `free_gpus` by type; empty where that is None.
    waiting : int or None
        All pending jobs of the partition, whoever's, those that are held included.
    max_hours : int
        The smaller of the policy's limit and Slurm's.
    why_not : Sentence or None
        Why this user cannot choose the queue; None when he can.
    """

    queue: Queue
    alloc: int | None
    idle: int | None
    down: int | None
    total: int | None
    gpus_by_type: Mapping[str, int]
    free_slots: int | None
    total_slots: int | None
    free_gpus: int | None
    total_gpus: int | None
    waiting: int | None
    price: Decimal | None
    max_hours: int
    why_not: Sentence | None
    free_by_type: Mapping[str, int] = field(default_factory=lambda: _NOTHING)

    @property
    def allowed(self) -> bool:
        return self.why_not is None


@dataclass(frozen=True, slots=True)
class QueueTable:
    """The whole table for one user.

    Attributes
    ----------
    totals : NodeCounts or None
        Over all queues shown, each node counted once.
    as_of, age_s
        When the oldest of the figures was true, and how long ago that was; None before any answer.
    problem : str or None
        In Slurm's words, why the last look failed.
    note : Sentence or None
        What this user should know before choosing.
    """

    rows: tuple[QueueRow, ...]
    totals: NodeCounts | None
    currency: str
    as_of: datetime | None
    age_s: float | None
    problem: str | None
    note: Sentence | None

    gpu_label = staticmethod(gpu_label)


@dataclass(frozen=True, slots=True)
class _User:
    name: str
    groups: frozenset[str]
    accounts: frozenset[str] | None
    associations: tuple[Association, ...] | None


def build_table(
    policy: QueuePolicy,
    snapshot: Snapshot,
    now: datetime,
    *,
    user: str,
    groups: frozenset[str] = frozenset(),
    accounts: frozenset[str] | None = None,
    associations: tuple[Association, ...] | None = None,
) -> QueueTable:
    """Build the table from what Slurm last said.

    Parameters
    ----------
    now : datetime
        Aware; the age of the figures counts from it.
    user, groups, accounts
        Whose table it is; `accounts` are his Slurm accounts, None when they are not known.
    associations : tuple of Association, or None
        Which QoS the user has; None when that is not known.
    """
    standing = _User(user, groups, accounts, associations)
    jobs = snapshot.jobs
    holding = jobs.on_nodes if isinstance(jobs, Jobs) else jobs_by_node(jobs.values())
    shown = [queue for queue in policy.queues if not queue.hidden]
    as_of = min((at for at in (snapshot.nodes_at, snapshot.jobs_at) if at is not None), default=None)
    return QueueTable(
        rows=tuple(_build_row(queue, snapshot, holding, standing) for queue in shown),
        totals=_count_all(shown, snapshot),
        currency=policy.currency,
        as_of=as_of,
        age_s=None if as_of is None else max(0.0, (now - as_of).total_seconds()),
        problem=snapshot.problem,
        note=account_note(accounts),
    )


def _build_row(
    queue: Queue, snapshot: Snapshot, holding: Mapping[str, list[Job]], standing: _User
) -> QueueRow:
    nodes = _nodes_of(queue, snapshot) if queue.partition in snapshot.partitions else None
    counts = None if nodes is None else _count(nodes)
    places = Places() if nodes is None else count_places(queue, nodes, snapshot, holding)
    return QueueRow(
        queue=queue,
        alloc=counts.alloc if counts else None,
        idle=counts.idle if counts else None,
        down=counts.down if counts else None,
        total=counts.total if counts else None,
        gpus_by_type=counts.gpus_by_type if counts else MappingProxyType({}),
        free_slots=places.free_slots,
        total_slots=places.total_slots,
        free_gpus=places.free_gpus,
        total_gpus=places.total_gpus,
        free_by_type=places.free_by_type,
        waiting=_count_waiting(queue, snapshot),
        price=queue.price,
        max_hours=effective_hours(queue, snapshot.partitions.get(queue.partition)),
        why_not=_find_obstacle(queue, snapshot, standing),
    )


def _nodes_of(queue: Queue, snapshot: Snapshot) -> list[Node]:
    return [node for node in snapshot.nodes.values() if queue.partition in node.partitions]


def _count(nodes: Iterable[Node]) -> NodeCounts:
    uses: Counter[NodeUse] = Counter()
    gpus: Counter[str] = Counter()
    for node in nodes:
        uses[node_use(node)] += 1
        gpus.update(node.gpus)
    return NodeCounts(
        alloc=uses[NodeUse.ALLOC],
        idle=uses[NodeUse.IDLE],
        down=uses[NodeUse.DOWN],
        gpus_by_type=MappingProxyType(dict(sorted(gpus.items()))),
    )


def _count_all(shown: Iterable[Queue], snapshot: Snapshot) -> NodeCounts | None:
    if snapshot.nodes_at is None:
        return None
    names = {queue.partition for queue in shown} & snapshot.partitions.keys()
    return _count(node for node in snapshot.nodes.values() if not names.isdisjoint(node.partitions))


def _count_waiting(queue: Queue, snapshot: Snapshot) -> int | None:
    if snapshot.jobs_at is None:
        return None
    if isinstance(snapshot.jobs, Jobs):
        # Counted once for everybody who looks.
        return snapshot.jobs.waiting.get(queue.partition, 0)
    return Jobs(snapshot.jobs.values()).waiting.get(queue.partition, 0)


def _find_obstacle(queue: Queue, snapshot: Snapshot, standing: _User) -> Sentence | None:
    return obstacle(
        queue,
        snapshot,
        user=standing.name,
        groups=standing.groups,
        accounts=standing.accounts,
        associations=standing.associations,
    )
