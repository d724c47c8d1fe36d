"""What Slurm is asked for on the queue where environments are made, and whether this user may have it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from environments.problems import Problem
from queues.access import accounts_for, obstacle
from queues.policy import Queue
from queues.rights import qos_for, reservations_for
from queues.surroundings import fill_comment
from slurm.records import Association, Partition
from slurm.snapshot import Snapshot
from texts import mark as _

__all__ = ["Person", "asked_for"]


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks.

    Attributes
    ----------
    associations : tuple of Association, or None
        What the user may charge; None while that is not known, and then Slurm itself decides.
    """

    name: str
    groups: frozenset[str] = frozenset()
    associations: tuple[Association, ...] | None = None

    @property
    def accounts(self) -> frozenset[str] | None:
        return None if self.associations is None else frozenset(one.account for one in self.associations)


def asked_for(queue: Queue, snapshot: Snapshot, person: Person, minutes: int) -> dict[str, Any]:
    """Say what Slurm is asked for, in the helper's words: the queue's usual share of a node, and no choices.

    Raises
    ------
    Problem
        When the queue is not for this user, in the words that the form has for it.
    """
    why = obstacle(
        queue,
        snapshot,
        user=person.name,
        groups=person.groups,
        accounts=person.accounts,
        associations=person.associations,
    )
    if why is not None:
        raise Problem("queue", _("The queue “%(queue)s”: %(why)s"), queue=queue.name, why=why)
    partition = snapshot.partitions.get(queue.partition)
    account, qos = _account_and_qos(queue, partition, person)
    return {
        "partition": queue.partition,
        "account": account,
        "minutes": _minutes(minutes, partition),
        "cpus": queue.cpus,
        "memory_mb": _memory(queue),
        "gres": _gres(queue),
        "exclusive": queue.kind == "exclusive",
        "comment": _comment(queue, person, account),
        "constraint": queue.features[0].name if queue.feature_required else None,
        "qos": qos,
        "reservation": _reservation(queue, snapshot, person),
    }


def _account_and_qos(
    queue: Queue, partition: Partition | None, person: Person
) -> tuple[str | None, str | None]:
    """Take the user's usual account where the queue takes it, and a QoS that goes with it."""
    usable = accounts_for(queue, partition, person.accounts)
    usual = [one.account for one in person.associations or () if one.default and one.account in usable]
    # None leaves it to Slurm, which says in its own words why a user without an account is refused.
    accounts: list[str | None] = [*usual, *usable] or [None]
    for account in accounts:
        if names := qos_for(queue, partition, person.associations, account):
            return account, names[0]
    return accounts[0], None


def _minutes(minutes: int, partition: Partition | None) -> int:
    if partition is None or partition.max_time is None:
        return minutes
    return max(1, min(minutes, partition.max_time // timedelta(minutes=1)))


def _memory(queue: Queue) -> int | None:
    if not queue.ask_memory:
        return None
    if queue.memory_mb is None and queue.kind == "exclusive":
        return 0  # Slurm's word for all of the node's
    return queue.memory_mb


def _gres(queue: Queue) -> str | None:
    """Ask for a share where the queue deals in shares, for one GPU where it gives none without."""
    if queue.gres is not None or queue.kind != "gpus":
        return queue.gres
    kind = queue.gpu_type(None)
    choices = queue.choices_of()
    if not choices or min(choices) < 1:
        return None
    return f"gpu:{kind.name}:{min(choices)}" if kind else f"gpu:{min(choices)}"


def _comment(queue: Queue, person: Person, account: str | None) -> str | None:
    if queue.comment is None:
        return None
    values: dict[str, object] = {"username": person.name, "queue": queue.name, "account": account or ""}
    return fill_comment(queue.comment, {**values, "interface": "environments", "hours": 1, "gpus": 0})


def _reservation(queue: Queue, snapshot: Snapshot, person: Person) -> str | None:
    if queue.reservations != "required":
        return None
    usable = reservations_for(
        queue,
        snapshot.partitions.get(queue.partition),
        snapshot.reservations.values(),
        user=person.name,
        groups=person.groups,
        accounts=person.accounts,
    )
    return usable[0].name if usable else None
