"""Which settings go with which kind of queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from queues.fields import refuse

if TYPE_CHECKING:
    from queues.queue import Queue

__all__ = ["check_kind"]

_PER_GPU: Final = ("cpus_per_gpu", "memory_mb_per_gpu")


def check_kind(queue: Queue) -> None:
    """Refuse settings that mean nothing for a queue's kind, and those that contradict each other.

    Raises
    ------
    ValueError
        Saying what to write instead.
    """
    {"shared": _check_shared, "exclusive": _check_exclusive, "gpus": _check_gpus}[queue.kind](queue)
    both = bool(queue.gpu_types) and bool(queue.gpus_per_node)
    refuse(both, "gpus_per_node says nothing where gpu_types do; leave gpus_per_node out")
    _check_memory(queue)
    if queue.kind != "gpus":
        _check_whole_gpus(queue)


def _check_shared(queue: Queue) -> None:
    refuse(queue.slots_per_node is None, "slots_per_node is missing; write how many share a node")
    refuse(queue.price is not None, "price is for whole nodes; leave it out of a shared queue")
    refuse(bool(queue.gpus_per_node), 'gpus_per_node is for whole nodes; write gres = "shard:1"')
    typed = 'gpu_types are for whole nodes and for kind = "gpus"; write gres = "shard:1"'
    refuse(bool(queue.gpu_types), typed)


def _check_exclusive(queue: Queue) -> None:
    refuse(queue.slots_per_node is not None, "slots_per_node is for shared queues; leave it out")


def _check_gpus(queue: Queue) -> None:
    refuse(queue.slots_per_node is not None, "slots_per_node is for shared queues; leave it out")
    text = 'price is for whole nodes, and kind = "gpus" gives GPUs of shared ones; leave it out'
    refuse(queue.price is not None, text)
    text = 'gres is for kind = "shared" and "exclusive"; write gpus_per_node or gpu_types, and gpu_choices'
    refuse(queue.gres is not None, text)
    for field in ("cpus", "memory_mb"):
        both = getattr(queue, field) is not None and getattr(queue, f"{field}_per_gpu") is not None
        idle = both and 0 not in queue.gpu_choices
        refuse(idle, f"{field} is for notebooks without a GPU beside {field}_per_gpu; leave one of them out")


def _check_whole_gpus(queue: Queue) -> None:
    for field in _PER_GPU:
        set_here = getattr(queue, field) is not None
        in_types = any(getattr(one, field) is not None for one in queue.gpu_types)
        refuse(set_here or in_types, f'{field} is for kind = "gpus"; leave it out')
    none = 0 in queue.gpu_choices or any(0 in one.choices for one in queue.gpu_types)
    refuse(none, '0 GPUs are a choice of kind = "gpus" only; leave the 0 out')


def _check_memory(queue: Queue) -> None:
    if queue.ask_memory:
        return
    types = any(one.memory_mb_per_gpu is not None for one in queue.gpu_types)
    asked = queue.memory_mb is not None or queue.memory_mb_per_gpu is not None or types
    refuse(asked, "ask_memory is false and a memory is given; leave one of them out")
