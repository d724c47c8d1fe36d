"""What each queue lets this user choose, as the form and its script need it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from queues.access import accounts_for
from queues.policy import Queue
from queues.rights import qos_for, reservations_for
from slurm.snapshot import Snapshot
from spawner.options import Standing

__all__ = ["Offers", "offers_of", "titles_of"]


@dataclass(frozen=True, slots=True)
class Offers:
    """One queue's choices, the usual one of each first.

    Attributes
    ----------
    gpus : mapping
        The numbers of GPUs by GPU type, ``""`` where the queue's GPUs have no types.
    free : tuple of str
        The fields that may be left open: the queue offers something there, and demands nothing.
    """

    account: tuple[str, ...]
    gpu_type: tuple[str, ...]
    gpus: Mapping[str, tuple[int, ...]]
    feature: tuple[str, ...]
    qos: tuple[str, ...]
    reservation: tuple[str, ...]
    free: tuple[str, ...]

    def as_data(self) -> dict[str, Any]:
        """Return it for the page's script."""
        return asdict(self)


def offers_of(queue: Queue, snapshot: Snapshot, standing: Standing) -> Offers:
    """Return what a queue lets this user choose."""
    partition = snapshot.partitions.get(queue.partition)
    reservations = reservations_for(
        queue,
        partition,
        snapshot.reservations.values(),
        user=standing.user,
        groups=standing.groups,
        accounts=standing.accounts,
    )
    types = tuple(one.name for one in queue.gpu_types)
    free = {"feature": not queue.feature_required, "reservation": queue.reservations != "required"}
    return Offers(
        account=accounts_for(queue, partition, standing.accounts),
        gpu_type=types,
        gpus={name: queue.choices_of(name or None) for name in types or ("",)},
        feature=tuple(one.name for one in queue.features),
        qos=qos_for(queue, partition, standing.associations),
        reservation=tuple(one.name for one in reservations),
        free=tuple(name for name, is_free in free.items() if is_free),
    )


def titles_of(
    queues: tuple[Queue, ...], offers: Mapping[str, Offers], lang: str
) -> dict[str, dict[str, str]]:
    """Gather what any queue offers, by field and name, with the titles that people read.

    The page has one field for each, which works without its script, too.
    """
    titles: dict[str, dict[str, str]] = {
        name: {} for name in ("account", "gpu_type", "gpus", "feature", "qos", "reservation")
    }
    for queue in queues:
        mine = offers[queue.name]
        titles["gpu_type"] |= {one.name: one.title_in(lang) for one in queue.gpu_types}
        titles["feature"] |= {one.name: one.title_in(lang) for one in queue.features}
        for name in ("account", "qos", "reservation"):
            titles[name] |= {value: value for value in getattr(mine, name)}
        titles["gpus"] |= {str(number): str(number) for choices in mine.gpus.values() for number in choices}
    titles["gpus"] = dict(sorted(titles["gpus"].items(), key=lambda item: int(item[0])))
    titles["account"] = dict(sorted(titles["account"].items()))
    return titles
