"""Which QoS and reservations of a queue this user may take."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from queues.queue import Queue
from slurm.records import Association, Partition, Reservation, Sentence
from slurm.reservations import open_to
from texts import mark as _

__all__ = ["no_qos", "no_reservation", "qos_for", "reservations_for"]

_LATER = datetime.max.replace(tzinfo=UTC)


def qos_for(
    queue: Queue,
    partition: Partition | None,
    associations: Iterable[Association] | None,
    account: str | None = None,
) -> tuple[str, ...]:
    """Return those of the queue's QoS that a user may take, in the queue's order.

    Parameters
    ----------
    partition : Partition or None
        Its AllowQos counts; None while Slurm has not answered.
    associations : iterable of Association, or None
        The user's; None when they are not known, and then they keep nobody out.
    account : str or None
        Only what the user may take with this account; None for any.
    """
    allowed = partition.allow_qos if partition is not None else None
    taken = [name for name in queue.qos if allowed is None or name in allowed]
    theirs = _qos_of(associations, queue.partition, account)
    return tuple(name for name in taken if theirs is None or name in theirs)


def _qos_of(
    associations: Iterable[Association] | None, partition: str, account: str | None
) -> frozenset[str] | None:
    """Return the QoS that the associations give; None when one says nothing of it, or there are none."""
    fitting = [
        one
        for one in associations or ()
        if account in (None, one.account) and one.partition in (None, partition)
    ]
    if not fitting or not all(one.qos for one in fitting):
        return None
    return frozenset(name for one in fitting for name in one.qos)


def no_qos(queue: Queue, partition: Partition | None, associations: Iterable[Association] | None) -> Sentence:
    """Say that the user has none of the queue's QoS."""
    text = _("This queue takes only jobs with the QoS %(offered)s, and you have %(yours)s.")
    theirs = _qos_of(associations, queue.partition, None) or frozenset()
    offered = qos_for(queue, partition, None) or queue.qos
    return Sentence(text, {"offered": ", ".join(offered), "yours": ", ".join(sorted(theirs)) or "–"})


def reservations_for(
    queue: Queue,
    partition: Partition | None,
    reservations: Iterable[Reservation],
    *,
    user: str,
    groups: frozenset[str],
    accounts: frozenset[str] | None,
) -> tuple[Reservation, ...]:
    """Return the reservations in which this user may have a notebook on the queue, the current ones first.

    Parameters
    ----------
    accounts : frozenset of str or None
        The user's Slurm accounts; None when they are not known.
    """
    if not queue.reservations:
        return ()
    found = [
        one
        for one in reservations
        if _has_nodes_for(one, queue, partition) and open_to(one, user=user, groups=groups, accounts=accounts)
    ]
    return tuple(sorted(found, key=lambda one: (not one.active, one.starts or _LATER, one.name)))


def _has_nodes_for(reservation: Reservation, queue: Queue, partition: Partition | None) -> bool:
    """Tell whether a job of the queue's partition could run on what is reserved."""
    if partition is not None and partition.nodes and reservation.nodes:
        return not set(partition.nodes).isdisjoint(reservation.nodes)
    return reservation.partition in ("", queue.partition)


def no_reservation(queue: Queue, wanted: str | None, usable: Iterable[Reservation]) -> Sentence:
    """Say which reservations the user may take instead, or that there are none."""
    names = ", ".join(one.name for one in usable)
    if wanted is None:
        return Sentence(
            _("This queue is only for those who have a reservation, and none is for you now."), {}
        )
    text = _("There is no reservation “%(wanted)s” for you on the queue “%(queue)s”: %(usable)s.")
    return Sentence(text, {"wanted": wanted, "queue": queue.name, "usable": names or "–"})
