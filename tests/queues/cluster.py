"""A small cluster in memory: three queues, one of them hidden, and nodes as a test wants them."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from queues.policy import QueuePolicy, parse_policy
from queues.table import QueueRow, QueueTable, build_table
from slurm.records import Job, Node, Partition
from slurm.snapshot import Snapshot

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
POLICY = parse_policy(
    """
[[queues]]
name = "jupyter"
kind = "shared"
slots_per_node = 10
gres = "shard:1"
cpus = 2
max_hours = 24
[[queues]]
name = "v100"
kind = "exclusive"
gpus_per_node = 2
price = "1900"
max_hours = 48
[[queues]]
name = "secret"
kind = "exclusive"
max_hours = 48
hidden = true
"""
)
PARTITIONS = (
    Partition("jupyter"),
    Partition("v100", exclusive=True),
    Partition("other"),
    Partition("secret"),
)


def node(name: str, *states: str, taken: int = 0, gpus_taken: int = 0, queues: str = "jupyter v100") -> Node:
    return Node(
        name,
        frozenset(states or {"IDLE"}),
        partitions=tuple(queues.split()),
        cpus=20,
        cpus_allocated=taken,
        gpus={"v100": 2},
        gpus_allocated={"v100": gpus_taken},
        shards=10,
    )


def jobs_on(name: str, count: int, partition: str = "jupyter", state: str = "RUNNING") -> list[Job]:
    return [
        Job(f"{partition}-{name}-{i}-{state}", "n", "u", "proj01", partition, state, nodes=(name,))
        for i in range(count)
    ]


def pending(job_id: str, partition: str, reason: str = "Resources") -> Job:
    return Job(job_id, "n", "u", "proj01", partition, "PENDING", reason)


def snapshot(
    nodes: Iterable[Node] = (), jobs: Iterable[Job] = (), partitions: Iterable[Partition] = PARTITIONS
) -> Snapshot:
    return Snapshot(
        jobs={job.id: job for job in jobs},
        nodes={one.name: one for one in nodes},
        partitions={partition.name: partition for partition in partitions},
        jobs_at=NOW - timedelta(seconds=4),
        nodes_at=NOW - timedelta(seconds=9),
    )


def table(found: Snapshot, policy: QueuePolicy = POLICY) -> QueueTable:
    return build_table(policy, found, NOW, user="a1113a01", accounts=frozenset({"proj01"}))


def row(found: Snapshot, name: str = "jupyter") -> QueueRow:
    return next(one for one in table(found).rows if one.queue.name == name)
