"""Slurm's associations and QoS, as ``sacctmgr`` lists them: what everybody may have at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from slurm.gres import parse_tres
from slurm.parse import Strange, read_rows
from slurm.times import parse_duration

__all__ = [
    "ASSOC_FORMAT",
    "QOS_FORMAT",
    "AssocRule",
    "QosRule",
    "Rules",
    "limits_are_enforced",
    "parse_assoc_rules",
    "parse_qos_rules",
]


@dataclass(frozen=True, slots=True)
class AssocRule:
    """One row of ``sacctmgr show assoc``: of an account where `user` is "", else of a user in it.

    A limit is None where there is none; GPUs count by type, ``""`` for any. Slurm hands the Max limits of an
    account down to its users, and sacctmgr shows them so; the Grp limits stand with the account only.
    """

    account: str
    user: str = ""
    partition: str = ""
    parent: str = ""
    default_qos: str = ""
    max_jobs: int | None = None
    max_submit: int | None = None
    grp_jobs: int | None = None
    grp_submit: int | None = None
    max_gpus: Mapping[str, int] = field(default_factory=dict)
    grp_gpus: Mapping[str, int] = field(default_factory=dict)
    max_time: timedelta | None = None


@dataclass(frozen=True, slots=True)
class QosRule:
    """One row of ``sacctmgr show qos``: PU is per user, PA per account, `max_gpus` per job."""

    name: str
    flags: frozenset[str] = frozenset()
    max_jobs_pu: int | None = None
    max_submit_pu: int | None = None
    max_gpus_pu: Mapping[str, int] = field(default_factory=dict)
    max_jobs_pa: int | None = None
    max_submit_pa: int | None = None
    max_gpus_pa: Mapping[str, int] = field(default_factory=dict)
    grp_jobs: int | None = None
    grp_submit: int | None = None
    grp_gpus: Mapping[str, int] = field(default_factory=dict)
    max_gpus: Mapping[str, int] = field(default_factory=dict)
    max_time: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """All associations of this cluster and all QoS; `enforced` is false where Slurm does not heed limits."""

    associations: tuple[AssocRule, ...] = ()
    qos: Mapping[str, QosRule] = field(default_factory=dict)
    enforced: bool = True
    _by_key: dict[tuple[str, str, str], AssocRule] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        self._by_key.update({(one.account, one.user, one.partition): one for one in self.associations})

    def of_user(self, user: str, account: str, partition: str) -> AssocRule | None:
        """Find the association that Slurm takes: the one of this partition before the one of all."""
        return self._by_key.get((account, user, partition)) or self._by_key.get((account, user, ""))

    def ancestry(self, account: str) -> tuple[AssocRule, ...]:
        """Give an account's own row and those of the accounts above it, lowest first."""
        found: list[AssocRule] = []
        while (row := self._by_key.get((account, "", ""))) is not None and row not in found:
            found.append(row)
            account = row.parent
        return tuple(found)

    def below(self, account: str) -> frozenset[str]:
        """Give the names of an account and of all accounts under it: Grp limits count them all."""
        names = {account}
        while (
            more := {row.account for row in self.associations if not row.user and row.parent in names} - names
        ):
            names |= more
        return frozenset(names)


ASSOC_FORMAT = (
    "format=Account,User,Partition,ParentName,DefaultQOS,"
    "MaxJobs,MaxSubmitJobs,GrpJobs,GrpSubmit,MaxTRES,GrpTRES,MaxWall"
)
QOS_FORMAT = (
    "format=Name,Flags,MaxJobsPU,MaxSubmitPU,MaxTRESPU,MaxJobsPA,MaxSubmitPA,MaxTRESPA,"
    "GrpJobs,GrpSubmit,GrpTRES,MaxTRESPerJob,MaxWall"
)


def parse_assoc_rules(text: str) -> tuple[list[AssocRule], Strange]:
    """Read ``sacctmgr -nP show assoc`` in `ASSOC_FORMAT`."""
    return read_rows("sacctmgr", (line for line in text.splitlines() if line.strip()), _read_assoc)


def parse_qos_rules(text: str) -> tuple[list[QosRule], Strange]:
    """Read ``sacctmgr -nP show qos`` in `QOS_FORMAT`."""
    return read_rows("sacctmgr", (line for line in text.splitlines() if line.strip()), _read_qos)


def limits_are_enforced(config: str) -> bool:
    """Say whether Slurm heeds limits, from AccountingStorageEnforce in ``scontrol show config``.

    "safe" brings limits with it, slurm.conf(5). Without the line nothing is known: then limits are shown.
    """
    match = re.search(r"^AccountingStorageEnforce\s*=[ \t]*(\S*)", config, re.MULTILINE)
    return match is None or not {"limits", "safe", "all"}.isdisjoint(match[1].lower().split(","))


def _read_assoc(line: str) -> AssocRule:
    account, user, partition, parent, qos, jobs, submit, grp_jobs, grp_submit, tres, grp_tres, wall = (
        line.split("|")
    )
    if not account:
        raise ValueError("no account")
    return AssocRule(
        account=account,
        user=user,
        partition=partition,
        parent=parent,
        default_qos=qos,
        max_jobs=_limit(jobs),
        max_submit=_limit(submit),
        grp_jobs=_limit(grp_jobs),
        grp_submit=_limit(grp_submit),
        max_gpus=_gpus(tres),
        grp_gpus=_gpus(grp_tres),
        max_time=parse_duration(wall),
    )


def _read_qos(line: str) -> QosRule:
    name, flags, jobs_pu, submit_pu, tres_pu, jobs_pa, submit_pa, tres_pa, *rest = line.split("|")
    grp_jobs, grp_submit, grp_tres, tres, wall = rest
    if not name:
        raise ValueError("no name")
    return QosRule(
        name=name,
        flags=frozenset(flag for flag in flags.split(",") if flag),
        max_jobs_pu=_limit(jobs_pu),
        max_submit_pu=_limit(submit_pu),
        max_gpus_pu=_gpus(tres_pu),
        max_jobs_pa=_limit(jobs_pa),
        max_submit_pa=_limit(submit_pa),
        max_gpus_pa=_gpus(tres_pa),
        grp_jobs=_limit(grp_jobs),
        grp_submit=_limit(grp_submit),
        grp_gpus=_gpus(grp_tres),
        max_gpus=_gpus(tres),
        max_time=parse_duration(wall),
    )


def _limit(text: str) -> int | None:
    """Read a count; sacctmgr leaves the field empty where there is no limit."""
    return int(text) if text.strip() else None


def _gpus(text: str) -> Mapping[str, int]:
    return parse_tres(text).get("gpu", {})
