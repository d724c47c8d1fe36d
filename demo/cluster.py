"""The demo centre's thirteen nodes and five partitions, as data; site.py writes them down for Slurm."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Node:
    """A compute node. `number` gives it its address and its port."""

    number: int
    name: str
    cpus: int
    memory_mb: int
    gpus_by_type: tuple[tuple[str, int], ...] = ()
    shards: int = 0
    features: tuple[str, ...] = ()

    @property
    def gpus(self) -> int:
        return sum(count for _type, count in self.gpus_by_type)

    @property
    def devices(self) -> tuple[tuple[str, int, int], ...]:
        """Each type with the numbers of its first and last device file."""
        found, first = [], 0
        for kind, count in self.gpus_by_type:
            found.append((kind, first, first + count - 1))
            first += count
        return tuple(found)

    @property
    def gres(self) -> str:
        """What slurm.conf calls the node's GPUs."""
        parts = [f"gpu:{kind}:{count}" for kind, count in self.gpus_by_type]
        parts += [f"shard:{self.shards}"] if self.shards else []
        return ",".join(parts)


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition; memory per CPU is what a job gets that does not ask for memory."""

    name: str
    nodes: tuple[str, ...]
    memory_per_cpu_mb: int
    max_hours: int
    exclusive: bool = True
    accounts: tuple[str, ...] = ()
    default: bool = False


@dataclass(frozen=True, slots=True)
class Qos:
    """A QoS with limits, as sacctmgr takes them, and the projects that have it."""

    name: str
    limits: tuple[str, ...]
    projects: tuple[str, ...]


def _v100_nodes() -> list[Node]:
    gpus = (("v100", 2),)
    return [
        Node(n, f"gpu{n:02}", cpus=20, memory_mb=384_000, gpus_by_type=gpus, shards=10, features=("skylake",))
        for n in range(1, 6)
    ]


def _a100_nodes() -> list[Node]:
    gpus = (("a100", 4),)
    return [
        Node(n, f"gpu{n:02}", cpus=64, memory_mb=512_000, gpus_by_type=gpus, features=("milan", "nvlink"))
        for n in range(6, 12)
    ]


# Two A100 GPUs of 80 GB, cut with MIG: one into seven parts, one into two.
_MIG = (("1g.10gb", 7), ("3g.40gb", 2))

NODES: tuple[Node, ...] = (
    *_v100_nodes(),
    *_a100_nodes(),
    Node(12, "bigmem01", cpus=48, memory_mb=1_536_000, features=("skylake",)),
    Node(13, "mig01", cpus=32, memory_mb=256_000, gpus_by_type=_MIG, features=("milan",)),
)

_V100 = tuple(node.name for node in _v100_nodes())
_A100 = tuple(node.name for node in _a100_nodes())

PARTITIONS: tuple[Partition, ...] = (
    # Ten notebooks of two CPUs fill a node's CPUs and leave some of its memory to the system.
    Partition("jupyter", _V100, memory_per_cpu_mb=16_000, max_hours=24, exclusive=False, default=True),
    Partition("cas_v100_2", _V100, memory_per_cpu_mb=19_200, max_hours=48),
    Partition("amd_a100_4", _A100, memory_per_cpu_mb=8_000, max_hours=48),
    Partition("bigmem", ("bigmem01",), memory_per_cpu_mb=32_000, max_hours=48, accounts=("proj02",)),
    # Unlike nodes, shared GPU by GPU; one V100 and one A100 node are in a queue for whole nodes as well.
    Partition(
        "mixed",
        ("gpu05", "gpu11", "mig01"),
        memory_per_cpu_mb=4_000,
        max_hours=48,
        exclusive=False,
    ),
)

QOS: tuple[Qos, ...] = (
    Qos(
        "notebook",
        ("MaxJobsPerUser=2", "MaxTRESPerUser=gres/gpu=4", "MaxWall=24:00:00"),
        ("proj01", "proj02"),
    ),
    Qos("long", ("MaxJobsPerUser=1", "MaxTRESPerUser=gres/gpu=2"), ("proj02",)),
)
