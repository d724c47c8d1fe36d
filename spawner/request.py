"""Who asks, and what is asked of Slurm with nothing left open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from queues.choices import GpuType
from queues.policy import Queue
from slurm.records import Association

__all__ = ["Request", "Standing"]


@dataclass(frozen=True, slots=True)
class Standing:
    """Who asks: the user's name, groups, and Slurm accounts.

    Attributes
    ----------
    accounts : frozenset of str or None
        None when Slurm's database did not answer: then nobody is refused for want of an account.
    default_account : str or None
        The account that Slurm itself would take.
    associations : tuple of Association, or None
        Which QoS the user has with which account; None when that is not known.
    """

    user: str
    groups: frozenset[str]
    accounts: frozenset[str] | None
    default_account: str | None = None
    associations: tuple[Association, ...] | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of Slurm: the options met with the queue's terms.

    `gpus` is None where the queue gives none that are counted; `gpu_type` is None without GPUs, and where
    the queue's GPUs have no types. `environment` is empty until `spawner.settling` has chosen the default,
    and for ever at a site without environments.
    """

    queue: Queue
    interface: Literal["notebook", "lab"]
    hours: int
    gpus: int | None
    account: str | None
    gpu_type: str | None = None
    feature: str | None = None
    qos: str | None = None
    reservation: str | None = None
    environment: str = ""

    @property
    def gres(self) -> str | None:
        if self.queue.gres is not None:
            return self.queue.gres
        if not self.gpus:
            return None
        return f"gpu:{self.gpu_type}:{self.gpus}" if self.gpu_type else f"gpu:{self.gpus}"

    @property
    def exclusive(self) -> bool:
        return self.queue.kind == "exclusive"

    @property
    def cpus(self) -> int | None:
        """CPUs, or None for as many as Slurm gives by itself."""
        kind = self._kind
        each = (kind and kind.cpus_per_gpu) or self.queue.cpus_per_gpu
        return each * self.gpus if each and self.gpus else self.queue.cpus

    @property
    def memory_mb(self) -> int | None:
        """MiB; 0 is Slurm's word for all of a node's, which a job that pays for the node should have."""
        if not self.queue.ask_memory:
            return None
        kind = self._kind
        each = (kind and kind.memory_mb_per_gpu) or self.queue.memory_mb_per_gpu
        if each and self.gpus:
            return each * self.gpus
        if self.queue.memory_mb is not None:
            return self.queue.memory_mb
        return 0 if self.exclusive else None

    @property
    def _kind(self) -> GpuType | None:
        return self.queue.gpu_type(self.gpu_type) if self.gpu_type else None
