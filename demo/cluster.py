"""The demo centre's twelve nodes and four partitions, as data; slurm_site.py writes them down for Slurm."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Node:
    """A compute node. `number` gives it its address and its port."""

    number: int
    name: str
    cpus: int
    memory_mb: int
    gpu_type: str = ""
    gpus: int = 0
    shards: int = 0

    @property
    def gres(self) -> str:
        """What slurm.conf calls the node's GPUs."""
        parts = [f"gpu:{self.gpu_type}:{self.gpus}"] if self.gpus else []
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


def _v100_nodes() -> list[Node]:
    return [
        Node(n, f"gpu{n:02}", cpus=20, memory_mb=384_000, gpu_type="v100", gpus=2, shards=10)
        for n in range(1, 6)
    ]


def _a100_nodes() -> list[Node]:
    return [Node(n, f"gpu{n:02}", cpus=64, memory_mb=512_000, gpu_type="a100", gpus=4) for n in range(6, 12)]


NODES: tuple[Node, ...] = (
    *_v100_nodes(),
    *_a100_nodes(),
    Node(12, "bigmem01", cpus=48, memory_mb=1_536_000),
)

_V100 = tuple(node.name for node in NODES if node.gpu_type == "v100")
_A100 = tuple(node.name for node in NODES if node.gpu_type == "a100")

PARTITIONS: tuple[Partition, ...] = (
    # Ten notebooks of two CPUs fill a node's CPUs and leave some of its memory to the system.
    Partition("jupyter", _V100, memory_per_cpu_mb=16_000, max_hours=24, exclusive=False, default=True),
    Partition("cas_v100_2", _V100, memory_per_cpu_mb=19_200, max_hours=48),
    Partition("amd_a100_4", _A100, memory_per_cpu_mb=8_000, max_hours=48),
    Partition("bigmem", ("bigmem01",), memory_per_cpu_mb=32_000, max_hours=48, accounts=("proj02",)),
)
