"""What a user may ask for, and may have.

Form, REST API and links end in the same two steps: `parse` (is it well formed?) and `resolve` (may this
user have it on this queue?).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from environments.site import Site
from queues.access import accounts_for, effective_hours, no_partition, why_not
from queues.policy import Queue, QueuePolicy
from queues.rights import no_reservation, qos_for, reservations_for
from slurm.records import Partition, Reservation, Sentence
from spawner.request import Request, Standing
from spawner.source import check_source
from spawner.typed import Options, OptionsError, from_form, parse
from texts import mark as _

__all__ = ["Options", "OptionsError", "Request", "Standing", "from_form", "parse", "resolve"]


def resolve(
    options: Options,
    policy: QueuePolicy,
    partitions: Mapping[str, Partition],
    standing: Standing,
    reservations: Mapping[str, Reservation] | None = None,
    site: Site | None = None,
) -> Request:
    """Meet the options with the queue's terms and the user's rights.

    Parameters
    ----------
    partitions : mapping
        Slurm's partitions by name; empty while Slurm has not answered, and then only the policy counts.
    reservations : mapping or None
        Slurm's reservations by name; None while they are not known, and then Slurm itself decides.
    site : Site or None
        What there is to start from; None where a site has nothing but its own Python.

    Raises
    ------
    OptionsError
        When the queue does not exist, is not open to this user, or does not give what was asked.
    """
    queue = policy.queue(options.queue)
    if queue is None:
        text = _("There is no queue “%(queue)s”. The queues are: %(known)s.")
        known = ", ".join(one.name for one in policy.queues if not one.hidden)
        raise OptionsError("queue", Sentence(text, {"queue": options.queue, "known": known}))
    partition = partitions.get(queue.partition)
    _check_access(queue, partition, partitions, standing, reservations)
    gpu_type = _gpu_type(options, queue)
    gpus = _gpus(options, queue, gpu_type)
    account, qos = _account_and_qos(options, queue, partition, standing)
    return Request(
        queue=queue,
        interface=options.interface,
        hours=_hours(options, queue, partition),
        gpus=gpus,
        account=account,
        gpu_type=gpu_type if gpus else None,
        feature=_feature(options, queue),
        qos=qos,
        reservation=_reservation(options, queue, partition, standing, reservations),
        environment=_environment(options, queue, site),
    )


def _environment(options: Options, queue: Queue, site: Site | None) -> str:
    problem = check_source(options.environment or "", site, queue)
    if problem is not None:
        raise OptionsError("environment", problem)
    return options.environment or ""


def _check_access(
    queue: Queue,
    partition: Partition | None,
    partitions: Mapping[str, Partition],
    standing: Standing,
    reservations: Mapping[str, Reservation] | None,
) -> None:
    if partition is None and partitions:
        raise OptionsError("queue", no_partition(queue))
    reason = why_not(
        queue,
        partition,
        user=standing.user,
        groups=standing.groups,
        accounts=standing.accounts,
        associations=standing.associations,
        reservations=None if reservations is None else reservations.values(),
    )
    if reason is not None:
        raise OptionsError("queue", reason)


def _hours(options: Options, queue: Queue, partition: Partition | None) -> int:
    most = effective_hours(queue, partition)
    if options.hours is None:
        return min(queue.default_hours, most)
    if options.hours > most:
        text = _("The queue “%(queue)s” gives at most %(most)s hours; %(hours)s were asked for.")
        raise OptionsError(
            "hours", Sentence(text, {"queue": queue.name, "most": most, "hours": options.hours})
        )
    return options.hours


def _gpu_type(options: Options, queue: Queue) -> str | None:
    if not queue.gpu_types:
        if options.gpu_type is not None:
            text = _("The queue “%(queue)s” gives no choice of GPU types: leave the type out.")
            raise OptionsError("gpu_type", Sentence(text, {"queue": queue.name}))
        return None
    return _one_of("gpu_type", options.gpu_type, [one.name for one in queue.gpu_types], queue)


def _gpus(options: Options, queue: Queue, gpu_type: str | None) -> int | None:
    choices = queue.choices_of(gpu_type)
    if not choices:
        if options.gpus not in (None, queue.gpus_per_node):
            text = _("The queue “%(queue)s” gives no choice of GPUs: leave the number out.")
            raise OptionsError("gpus", Sentence(text, {"queue": queue.name}))
        return queue.gpus_per_node or None
    gpus = choices[0] if options.gpus is None else options.gpus
    if gpus in choices:
        return gpus
    params: dict[str, object] = {"queue": queue.name, "choices": _list(choices), "gpus": gpus}
    text = _("The queue “%(queue)s” gives %(choices)s GPUs; %(gpus)s were asked for.")
    if gpu_type is not None:
        params["type"] = gpu_type
        text = _(
            "The queue “%(queue)s” gives %(choices)s GPUs of the type %(type)s; %(gpus)s were asked for."
        )
    raise OptionsError("gpus", Sentence(text, params))


def _feature(options: Options, queue: Queue) -> str | None:
    if not queue.features:
        if options.feature is not None:
            text = _("The queue “%(queue)s” gives no choice of nodes: leave the feature out.")
            raise OptionsError("feature", Sentence(text, {"queue": queue.name}))
        return None
    if options.feature is None and not queue.feature_required:
        return None
    return _one_of("feature", options.feature, [one.name for one in queue.features], queue)


def _one_of(field: str, wanted: str | None, names: list[str], queue: Queue) -> str:
    """Take the one that was asked for, or the usual one, which is the first."""
    if wanted is None:
        return names[0]
    if wanted not in names:
        text = _("The queue “%(queue)s” has no “%(wanted)s”; it has: %(names)s.")
        raise OptionsError(
            field, Sentence(text, {"queue": queue.name, "wanted": wanted, "names": _list(names)})
        )
    return wanted


def _account_and_qos(
    options: Options, queue: Queue, partition: Partition | None, standing: Standing
) -> tuple[str | None, str | None]:
    """Choose both together: a QoS may be the user's with one of his accounts and not with another."""
    accounts = _accounts(options, queue, partition, standing)
    if not queue.qos:
        if options.qos is not None:
            text = _("The queue “%(queue)s” gives no choice of QoS: leave it out.")
            raise OptionsError("qos", Sentence(text, {"queue": queue.name}))
        return accounts[0], None
    found: list[str] = []
    for account in accounts:
        names = qos_for(queue, partition, standing.associations, account)
        if names and options.qos in (None, *names):
            return account, options.qos or names[0]
        found += [name for name in names if name not in found]
    text = _("The QoS “%(qos)s” is not one of yours for the queue “%(queue)s”: %(usable)s.")
    params: dict[str, object] = {
        "qos": options.qos or queue.qos[0],
        "queue": queue.name,
        "usable": _list(found),
    }
    raise OptionsError("qos", Sentence(text, params))


def _accounts(
    options: Options, queue: Queue, partition: Partition | None, standing: Standing
) -> list[str | None]:
    """Return the accounts that may be charged, the one to prefer first; never none at all."""
    if standing.accounts is None:
        return [options.account]
    usable = accounts_for(queue, partition, standing.accounts)
    if options.account is None:
        first = [name for name in usable if name == standing.default_account]
        # None leaves it to Slurm, which says in its own words why a user without an account is refused.
        return [*first, *(name for name in usable if name not in first)] or [None]
    if options.account not in usable:
        text = _("The project “%(account)s” is not one of yours for the queue “%(queue)s”: %(usable)s.")
        params: dict[str, object] = {
            "account": options.account,
            "queue": queue.name,
            "usable": _list(usable),
        }
        raise OptionsError("account", Sentence(text, params))
    return [options.account]


def _reservation(
    options: Options,
    queue: Queue,
    partition: Partition | None,
    standing: Standing,
    reservations: Mapping[str, Reservation] | None,
) -> str | None:
    wanted = options.reservation
    if not queue.reservations:
        if wanted is not None:
            text = _("The queue “%(queue)s” takes no reservations: leave it out.")
            raise OptionsError("reservation", Sentence(text, {"queue": queue.name}))
        return None
    if reservations is None:
        return wanted
    who: dict[str, Any] = {"user": standing.user, "groups": standing.groups, "accounts": standing.accounts}
    usable = reservations_for(queue, partition, reservations.values(), **who)
    if wanted is None:
        return usable[0].name if usable and queue.reservations == "required" else None
    if wanted not in [one.name for one in usable]:
        raise OptionsError("reservation", no_reservation(queue, wanted, usable))
    return wanted


def _list(values: Iterable[object]) -> str:
    return ", ".join(str(value) for value in values) or "–"
