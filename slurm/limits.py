"""How much a user may have at once, by Slurm's associations and QoS, and how much of it is used.

Slurm's rule (https://slurm.schedmd.com/resource_limits.html, and acct_policy.c for what counts as the same
limit): the QoS of the partition first, then that of the job, then the user's association, then the accounts
above it. A limit that stands earlier hides the same limit further on; the Grp limits of all accounts up the
tree hold together. A QoS with the flag OverPartQOS comes before the partition's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from slurm.jobs import Jobs, Kin, Tally, tally
from slurm.records import Job, Partition
from slurm.rules import AssocRule, QosRule, Rules

__all__ = ["Limit", "Rules", "limits_of", "longest", "refusal"]

_USUAL_QOS = "normal"
_Counts = Callable[[Callable[[Kin], bool]], Tally]


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit: `used` of `allowed`, and whose it is (``QOS normal``, ``account proj01``, ``user anna``).

    `group` is true where others use it up as well (Slurm's Grp and per-account limits), `per_job` where one
    job alone may not have more; nothing is used of it beforehand.
    """

    kind: Literal["running", "submitted", "gpus"]
    used: int
    allowed: int
    source: str
    group: bool = False
    per_job: bool = False


def limits_of(
    rules: Rules,
    jobs: Mapping[str, Job],
    *,
    user: str,
    account: str | None,
    qos: str | None,
    partition: Partition | None,
    partitions: Mapping[str, Partition] | None = None,
    gpu_type: str = "",
) -> tuple[Limit, ...]:
    """Give the limits that one more job of this user would meet, in Slurm's order.

    Parameters
    ----------
    jobs : mapping
        All jobs of the last look; usage is counted from them.
    account, qos : str or None
        None where the job does not name them. Without an account the associations' limits are not known and
        left out, without a QoS it is the association's own, or "normal".
    partition : Partition or None
        Where the job would run; its QoS counts.
    partitions : mapping, optional
        The others, for those that share a QoS with it.
    gpu_type : str
        The type of GPU that the job asks for; limits for a type count only then.
    """
    if not rules.enforced:
        return ()
    name = partition.name if partition else ""
    chain = _associations(rules, user, account, name)
    own = chain[0] if chain else None
    asked = qos or (own.default_qos if own else "") or _USUAL_QOS
    everywhere = {**(partitions or {}), **({name: partition} if partition else {})}
    view = _View(_counter(jobs), rules, user, account or "", everywhere)
    kinds = ("", gpu_type) if gpu_type else ("",)
    return tuple(_walk(view, _qos_of(rules, partition, asked), chain, kinds))


def refusal(limits: Iterable[Limit], gpus: int) -> Limit | None:
    """Give the first limit for which one more server with `gpus` GPUs should not be submitted.

    Slurm itself refuses a job beyond a submit limit. It takes one that is beyond another limit, and lets it
    wait: for ever where the job alone asks for more, and until the user ends something himself where the
    limit is his own. A group's limit is like full nodes: others' jobs end, so waiting is sensible.
    """
    for limit in limits:
        more = gpus if limit.kind == "gpus" else 1
        waits_for_others = limit.group and limit.kind != "submitted"
        if more and (limit.used * (not waits_for_others)) + more > limit.allowed:
            return limit
    return None


def longest(
    rules: Rules, *, user: str, account: str | None, qos: str | None, partition: Partition | None
) -> timedelta | None:
    """Give the longest time limit that QoS and associations allow; the partition's own holds besides."""
    if not rules.enforced:
        return None
    chain = _associations(rules, user, account, partition.name if partition else "")
    asked = qos or (chain[0].default_qos if chain else "") or _USUAL_QOS
    found = [one.max_time for one in _qos_of(rules, partition, asked)]
    found += [one.max_time for one in chain[:1]]
    return next((time for time in found if time is not None), None)


def _associations(rules: Rules, user: str, account: str | None, partition: str) -> tuple[AssocRule, ...]:
    """Give the user's association and those of the accounts above it."""
    if account is None:
        return ()
    own = rules.of_user(user, account, partition)
    return (*(() if own is None else (own,)), *rules.ancestry(account))


def _qos_of(rules: Rules, partition: Partition | None, asked: str) -> list[QosRule]:
    names = [partition.qos if partition else "", asked]
    job_qos = rules.qos.get(asked)
    if job_qos is not None and "OverPartQOS" in job_qos.flags:
        names.reverse()
    return [rules.qos[name] for name in dict.fromkeys(names) if name in rules.qos]


def _counter(jobs: Mapping[str, Job]) -> _Counts:
    tallies = jobs.tallies if isinstance(jobs, Jobs) else tally(jobs.values())

    def count(fits: Callable[[Kin], bool]) -> Tally:
        total = Tally()
        for kin, found in tallies.items():
            if fits(kin):
                total.take(found)
        return total

    return count


@dataclass(frozen=True, slots=True)
class _View:
    """Counts what is used, as far as a rule sees it."""

    count: _Counts
    rules: Rules
    user: str
    account: str
    partitions: Mapping[str, Partition]

    def of_qos(self, qos: str, *, user: bool = False, account: bool = False) -> Tally:
        def fits(kin: Kin) -> bool:
            place = self.partitions.get(kin.partition)
            return (
                (kin.qos == qos or (place is not None and place.qos == qos))
                and (not user or kin.user == self.user)
                and (not account or kin.account == self.account)
            )

        return self.count(fits)

    def of_association(self, row: AssocRule) -> Tally:
        if not row.user:
            names = self.rules.below(row.account)
            return self.count(lambda kin: kin.account in names)

        def fits(kin: Kin) -> bool:
            mine = kin.user == row.user and kin.account == row.account
            return mine and self.rules.of_user(kin.user, kin.account, kin.partition) == row

        return self.count(fits)


_Slot = tuple[str, str]
"""What is limited and how; of two limits with the same slot Slurm heeds the first."""


def _walk(
    view: _View, qos: Iterable[QosRule], chain: Iterable[AssocRule], kinds: Iterable[str]
) -> Iterator[Limit]:
    taken: set[_Slot] = set()
    for rule in qos:
        found = list(_limits_of_qos(view, rule, kinds))
        yield from (limit for slot, limit in found if slot not in taken)
        taken.update(slot for slot, _ in found)
    # An association's limit for its user is hidden by a QoS's for a user and by one for an account.
    taken.update([("user", what) for level, what in taken if level == "account"])
    for row in chain:
        yield from (limit for slot, limit in _limits_of_association(view, row, kinds) if slot not in taken)


def _limits_of_qos(view: _View, rule: QosRule, kinds: Iterable[str]) -> Iterator[tuple[_Slot, Limit]]:
    source = f"QOS {rule.name}"
    levels = (
        ("user", rule.max_submit_pu, rule.max_jobs_pu, rule.max_gpus_pu),
        ("account", rule.max_submit_pa, rule.max_jobs_pa, rule.max_gpus_pa),
        ("group", rule.grp_submit, rule.grp_jobs, rule.grp_gpus),
    )
    for level, submit, jobs, gpus in levels:
        if submit is None and jobs is None and not gpus:
            continue
        used = view.of_qos(rule.name, user=level == "user", account=level == "account")
        yield from _limits(level, source, used, submit, jobs, gpus, kinds)
    yield from _per_job(source, rule.max_gpus, kinds)


def _limits_of_association(
    view: _View, row: AssocRule, kinds: Iterable[str]
) -> Iterator[tuple[_Slot, Limit]]:
    source = f"user {row.user}" if row.user else f"account {row.account}"
    used = view.of_association(row)
    if row.user:  # those of an account are handed down to its users, and do not hold for the account
        yield from _limits("user", source, used, row.max_submit, row.max_jobs, {}, kinds)
        yield from _per_job(source, row.max_gpus, kinds)
    yield from _limits("group", source, used, row.grp_submit, row.grp_jobs, row.grp_gpus, kinds)


def _limits(
    level: str,
    source: str,
    used: Tally,
    submit: int | None,
    jobs: int | None,
    gpus: Mapping[str, int],
    kinds: Iterable[str],
) -> Iterator[tuple[_Slot, Limit]]:
    group = level != "user"
    if submit is not None:
        yield (level, "submitted"), Limit("submitted", used.submitted, submit, source, group)
    if jobs is not None:
        yield (level, "running"), Limit("running", used.running, jobs, source, group)
    for kind in kinds:
        if kind in gpus:
            yield (level, f"gpus:{kind}"), Limit("gpus", used.gpus[kind], gpus[kind], source, group)


def _per_job(source: str, gpus: Mapping[str, int], kinds: Iterable[str]) -> Iterator[tuple[_Slot, Limit]]:
    for kind in kinds:
        if kind in gpus:
            yield ("job", f"gpus:{kind}"), Limit("gpus", 0, gpus[kind], source, per_job=True)
