"""How many GPUs, or notebooks without one, the shared nodes of a queue of the kind "gpus" could still give.

A free GPU on a node without a free CPU is nobody's: a job needs both. So each node gives as many GPUs as it
has CPUs left for them, and none that holds another queue's shards.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from queues.queue import Queue
from queues.slots import usable
from slurm.records import Node

__all__ = ["free_gpus", "free_notebooks", "gives_gpus", "gpu_label", "offered_gpus", "total_notebooks"]

# NVIDIA writes profiles small: 1g.10gb, a100_3g.40gb, 1g.5gb+me.
_MIG_PROFILE = re.compile(r"\d+g\.\d+gb", re.IGNORECASE)


def gpu_label(kind: str) -> str:
    """Return how people write a type of GPU that Slurm calls `kind`; "" is any GPU."""
    if _MIG_PROFILE.search(kind):
        return kind
    return kind.upper() or "GPU"


def gives_gpus(queue: Queue) -> bool:
    """Tell whether a notebook of the queue can have a GPU of its own."""
    return bool(queue.gpu_types or queue.gpus_per_node)


def offered_gpus(queue: Queue, nodes: Iterable[Node]) -> Mapping[str, int]:
    """Count the GPUs of the types that the queue offers, by type; all of them where it names no types."""
    found: Counter[str] = Counter()
    for node in nodes:
        found.update({kind: count for kind, count in node.gpus.items() if _is_offered(queue, kind)})
    return found


def free_gpus(queue: Queue, nodes: Iterable[Node]) -> Mapping[str, int]:
    """Count those of them that notebooks could have at once, by type."""
    found: Counter[str] = Counter()
    for node in nodes:
        found.update(_free_on(queue, node))
    return found


def free_notebooks(queue: Queue, nodes: Iterable[Node]) -> int:
    """Count the notebooks without a GPU that could start at once."""
    return sum(_free_cpus(node) // (queue.cpus or 1) for node in nodes)


def total_notebooks(queue: Queue, nodes: Iterable[Node]) -> int:
    """Count the notebooks without a GPU that all nodes together could have."""
    return sum(node.cpus // (queue.cpus or 1) for node in nodes)


def _is_offered(queue: Queue, kind: str) -> bool:
    return not queue.gpu_types or queue.gpu_type(kind) is not None


def _free_on(queue: Queue, node: Node) -> dict[str, int]:
    found: dict[str, int] = {}
    cpus = _free_cpus(node)
    split = _split_into_shards(node)
    for kind, count in sorted(node.gpus.items()):
        free = max(0, count - node.gpus_allocated.get(kind, 0))
        # Slurm does not say of which type the GPUs with shards are: the first are as good as any.
        held = min(split, free)
        split -= held
        if _is_offered(queue, kind):
            each = _cpus_for_one(queue, kind)
            found[kind] = min(free - held, cpus // each)
            cpus -= found[kind] * each
    return found


def _free_cpus(node: Node) -> int:
    return max(0, node.cpus - node.cpus_allocated) if usable(node) else 0


def _cpus_for_one(queue: Queue, kind: str) -> int:
    typed = queue.gpu_type(kind) if queue.gpu_types else None
    return (typed and typed.cpus_per_gpu) or queue.cpus_per_gpu or queue.cpus or 1


def _split_into_shards(node: Node) -> int:
    """Count the GPUs that must hold the node's allocated shards, and so cannot be had whole."""
    gpus = sum(node.gpus.values())
    if not gpus or not node.shards or not node.shards_allocated:
        return 0
    each = max(1, node.shards // gpus)
    return -(-node.shards_allocated // each)
