"""Who may use a queue, and if not, why not, in a sentence."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from queues.queue import Queue
from queues.rights import no_qos, no_reservation, qos_for, reservations_for
from slurm.records import Association, Partition, Reservation, Sentence
from slurm.snapshot import Snapshot
from texts import mark as _

__all__ = ["account_note", "accounts_for", "effective_hours", "no_partition", "obstacle", "why_not"]

_HOUR = timedelta(hours=1)


def why_not(
    queue: Queue,
    partition: Partition | None,
    *,
    user: str,
    groups: frozenset[str],
    accounts: frozenset[str] | None,
    associations: Iterable[Association] | None = None,
    reservations: Iterable[Reservation] | None = None,
) -> Sentence | None:
    """Say why this user may not use the queue; None when nothing stands in the way.

    What is not known blocks nobody: Slurm itself has the last word, and says it in its own words.

    Parameters
    ----------
    partition : Partition or None
        None while Slurm has not answered. A partition that Slurm says it does not have is told by
        `no_partition`.
    accounts : frozenset of str or None
        The Slurm accounts of the user; None when they are not known. A user known to have none is not
        blocked here: `account_note` prepares him for Slurm's refusal.
    associations : iterable of Association, or None
        Which QoS the user has; None when that is not known.
    reservations : iterable of Reservation, or None
        All that Slurm has; None while they are not known.
    """
    if (closed := _closed_by_policy(queue, user, groups)) is not None:
        return closed
    if partition is None:
        return None
    if not partition.up:
        return Sentence(_("This queue is closed at the moment: its partition is down."), {})
    if effective_hours(queue, partition) < 1:
        return Sentence(_("This queue's partition ends every job in less than an hour."), {})
    if (closed := _closed_to_accounts(queue, partition, accounts)) is not None:
        return closed
    if queue.qos and not qos_for(queue, partition, associations):
        return no_qos(queue, partition, associations)
    if queue.reservations == "required" and reservations is not None:
        usable = reservations_for(queue, partition, reservations, user=user, groups=groups, accounts=accounts)
        return None if usable else no_reservation(queue, None, usable)
    return None


def obstacle(
    queue: Queue,
    snapshot: Snapshot,
    *,
    user: str,
    groups: frozenset[str],
    accounts: frozenset[str] | None,
    associations: Iterable[Association] | None,
) -> Sentence | None:
    """Say why this user may not use the queue, by what Slurm said last; None when nothing stands in the way.

    The user's part is that of `why_not`.
    """
    partition = snapshot.partitions.get(queue.partition)
    answered = snapshot.nodes_at is not None
    if partition is None and answered:
        return no_partition(queue)
    return why_not(
        queue,
        partition,
        user=user,
        groups=groups,
        accounts=accounts,
        associations=associations,
        reservations=snapshot.reservations.values() if answered else None,
    )


def no_partition(queue: Queue) -> Sentence:
    """Say that Slurm, having answered, does not have the queue's partition."""
    return Sentence(_("Slurm has no partition “%(partition)s”."), {"partition": queue.partition})


def account_note(accounts: frozenset[str] | None) -> Sentence | None:
    """Say that Slurm may refuse a user who is known to have no account at all."""
    if accounts is None or accounts:
        return None
    return Sentence(_("You are in no project of Slurm's, so it may refuse your job."), {})


def accounts_for(
    queue: Queue, partition: Partition | None, accounts: frozenset[str] | None
) -> tuple[str, ...]:
    """Return those of the user's accounts that the queue takes, in alphabetical order."""
    if partition is None or not accounts:
        return tuple(sorted(accounts or ()))
    # Slurm looks at DenyAccounts only where AllowAccounts is not set.
    if partition.allow_accounts is not None:
        return tuple(sorted(accounts & partition.allow_accounts))
    return tuple(sorted(accounts - partition.deny_accounts))


def effective_hours(queue: Queue, partition: Partition | None) -> int:
    """Return the most whole hours a job may ask for: the smaller of the policy's limit and Slurm's."""
    if partition is None or partition.max_time is None:
        return queue.max_hours
    return min(queue.max_hours, partition.max_time // _HOUR)


def _closed_by_policy(queue: Queue, user: str, groups: frozenset[str]) -> Sentence | None:
    if not queue.allowed_groups and not queue.allowed_users:
        return None
    if user in queue.allowed_users or groups & queue.allowed_groups:
        return None
    if not queue.allowed_groups:
        return Sentence(_("This queue is for certain users only, and you are not among them."), {})
    text = _("This queue is for the groups %(groups)s, and you are in none of them.")
    return Sentence(text, {"groups": ", ".join(sorted(queue.allowed_groups))})


def _closed_to_accounts(
    queue: Queue, partition: Partition, accounts: frozenset[str] | None
) -> Sentence | None:
    if not accounts or accounts_for(queue, partition, accounts):
        return None
    yours = ", ".join(sorted(accounts))
    if partition.allow_accounts is None:
        text = _("This queue takes no jobs of your projects (%(accounts)s).")
        return Sentence(text, {"accounts": yours})
    text = _("This queue takes only jobs of the projects %(allowed)s; yours: %(accounts)s.")
    return Sentence(text, {"allowed": ", ".join(sorted(partition.allow_accounts)), "accounts": yours})
