"""How many more notebooks the nodes of a shared queue take.

Node states mislead here: a node with one notebook out of ten is as MIXED as one with nine, and Slurm counts
two shards in use where ten are. So slots are counted from the jobs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from queues.policy import Queue
from slurm.records import Job, Node, Partition
from slurm.states import JobPhase, NodeUse, node_use, phase

__all__ = ["free_slots", "jobs_by_node", "usable"]

# A job that ends still has its share of the node until Slurm has cleaned up.
_HOLDING = frozenset({JobPhase.STARTING, JobPhase.RUNNING, JobPhase.ENDING})
_STATES_OF_JOBS = frozenset({"ALLOCATED", "MIXED", "COMPLETING"})


def jobs_by_node(jobs: Iterable[Job]) -> Mapping[str, list[Job]]:
    """Return the jobs that hold something of a node, by the node's name."""
    found: dict[str, list[Job]] = defaultdict(list)
    for job in jobs:
        if phase(job.state) in _HOLDING:
            for name in job.nodes:
                found[name].append(job)
    return found


def free_slots(
    queue: Queue, nodes: Iterable[Node], jobs: Mapping[str, list[Job]], partitions: Mapping[str, Partition]
) -> int:
    """Count the notebooks that a shared queue could start at once."""
    return sum(_free_on(queue, node, jobs.get(node.name, ()), partitions) for node in nodes)


def _free_on(queue: Queue, node: Node, jobs: Iterable[Job], partitions: Mapping[str, Partition]) -> int:
    slots = queue.slots_per_node or 0
    ours = [job for job in jobs if job.partition == queue.partition]
    others = [job for job in jobs if job.partition != queue.partition]
    if not usable(node) or any(_takes_the_node(job, partitions) for job in others):
        return 0
    if others or _more_cpus_than_ours(queue, node, len(ours)):
        slots = min(slots, len(ours) + _room_beside_others(queue, node, len(ours)))
    return max(0, slots - len(ours))


def usable(node: Node) -> bool:
    """Tell whether nothing but jobs keeps the node from being idle: not planned, not asleep, not down."""
    states = (node.states - _STATES_OF_JOBS) | {"IDLE"}
    return node_use(replace(node, states=states)) is NodeUse.IDLE


def _takes_the_node(job: Job, partitions: Mapping[str, Partition]) -> bool:
    partition = partitions.get(job.partition)
    return partition is not None and partition.exclusive


def _more_cpus_than_ours(queue: Queue, node: Node, ours: int) -> bool:
    """Tell whether somebody is on the node whose jobs Slurm does not show us (PrivateData=jobs)."""
    return queue.cpus is not None and node.cpus_allocated > ours * queue.cpus


def _room_beside_others(queue: Queue, node: Node, ours: int) -> int:
    """Count the notebooks that still fit where jobs of other partitions have CPUs or GPUs of the node."""
    room = max(0, node.cpus - node.cpus_allocated) // (queue.cpus or 1)
    gpus, taken = sum(node.gpus.values()), sum(node.gpus_allocated.values())
    if gpus and (queue.gres or "").startswith("shard"):
        # A GPU that a job has to itself gives no shards.
        room = min(room, (queue.slots_per_node or 0) * max(0, gpus - taken) // gpus - ours)
    return max(0, room)
