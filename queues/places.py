"""The places of a queue, free and all, in what its kind gives out: slots, whole nodes' GPUs, single GPUs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from queues.gpus import free_gpus, free_notebooks, gives_gpus, offered_gpus, total_notebooks
from queues.queue import Queue
from queues.slots import free_slots
from slurm.records import Job, Node
from slurm.snapshot import Snapshot
from slurm.states import NodeUse, node_use

__all__ = ["Places", "count_places"]


def _nothing() -> Mapping[str, int]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Places:
    """What a row says of free places; its meaning stands with `QueueRow`."""

    free_slots: int | None = None
    total_slots: int | None = None
    free_gpus: int | None = None
    total_gpus: int | None = None
    free_by_type: Mapping[str, int] = field(default_factory=_nothing)


def count_places(
    queue: Queue, nodes: list[Node], snapshot: Snapshot, holding: Mapping[str, list[Job]]
) -> Places:
    """Count the places of a queue whose partition Slurm has."""
    up = snapshot.partitions[queue.partition].up
    if queue.kind == "gpus":
        return _on_parts_of_nodes(queue, nodes if up else [], nodes)
    if queue.kind == "exclusive":
        idle = [node for node in nodes if up and node_use(node) is NodeUse.IDLE]
        return _of_gpus(_gpus_of(idle), _gpus_of(nodes))
    free = free_slots(queue, nodes, holding, snapshot.partitions) if up else 0
    return Places(
        # Without the jobs nobody can tell which slots of a shared node are taken.
        free_slots=None if up and snapshot.jobs_at is None else free,
        total_slots=(queue.slots_per_node or 0) * len(nodes),
        total_gpus=sum(_gpus_of(nodes).values()),
    )


def _on_parts_of_nodes(queue: Queue, open_nodes: list[Node], nodes: list[Node]) -> Places:
    """Count GPUs, or places for notebooks where the queue gives no GPUs."""
    if gives_gpus(queue):
        return _of_gpus(free_gpus(queue, open_nodes), offered_gpus(queue, nodes))
    return Places(
        free_slots=free_notebooks(queue, open_nodes), total_slots=total_notebooks(queue, nodes), total_gpus=0
    )


def _of_gpus(free: Mapping[str, int], total: Mapping[str, int]) -> Places:
    by_type = MappingProxyType({kind: free.get(kind, 0) for kind in sorted(total)})
    return Places(free_gpus=sum(by_type.values()), total_gpus=sum(total.values()), free_by_type=by_type)


def _gpus_of(nodes: Iterable[Node]) -> Mapping[str, int]:
    found: Counter[str] = Counter()
    for node in nodes:
        found.update(node.gpus)
    return found
