"""Nodes and partitions out of what ``scontrol -o show`` prints."""

from __future__ import annotations

import re

from slurm.errors import SlurmNotUnderstood
from slurm.gres import allocated, parse_gres, parse_tres
from slurm.hostlist import expand
from slurm.parse import Strange, read_rows
from slurm.records import Node, Partition
from slurm.states import parse_node_states
from slurm.times import parse_duration

__all__ = ["names_of", "parse_nodes", "parse_partitions", "read_lines", "settings_of"]

# Free text stands in these; what looks like a setting behind them is none.
_FREE_TEXT = re.compile(r"\s(?:Reason|Comment|Extra)=")
_REASON = re.compile(r"\sReason=(.*?)(?:\s+\[[^\[\]]*\])?\s*(?:\s(?:Comment|Extra)=.*)?$")
_PAIR = re.compile(r"(?:^|\s)([A-Za-z]\w*)=(\S*)")


def parse_nodes(text: str) -> tuple[list[Node], Strange]:
    """Read ``scontrol -d -o show node``; without ``-d`` only GresUsed is missing."""
    return read_rows("scontrol", read_lines(text, "No nodes in the system"), _read_node)


def parse_partitions(text: str) -> tuple[list[Partition], Strange]:
    """Read ``scontrol -o show partition``."""
    return read_rows("scontrol", read_lines(text, "No partitions in the system"), _read_partition)


def read_lines(text: str, nothing: str) -> list[str]:
    """Give the lines of an answer of ``scontrol -o``; none where it says `nothing`, its words for 'none'.

    scontrol never prints nothing at all, and every line of its ends. So an empty or a cut answer proves
    nothing, least of all that the centre has no nodes.

    Raises
    ------
    SlurmNotUnderstood
        The answer is empty or incomplete.
    """
    if not text.endswith("\n"):
        raise SlurmNotUnderstood("scontrol", 0, f"ended amid its answer: {text[-200:]!r}")
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise SlurmNotUnderstood("scontrol", 0, "said nothing at all")
    return [line for line in lines if not line.startswith(nothing)]


def settings_of(line: str) -> dict[str, str]:
    """Give the ``Key=value`` pairs of a line before any free text; the first of a name counts."""
    found: dict[str, str] = {}
    for key, value in _PAIR.findall(_FREE_TEXT.split(line, maxsplit=1)[0]):
        found.setdefault(key, value)
    return found


def _read_node(line: str) -> Node:
    values = settings_of(line)
    if not values.get("NodeName") or not values.get("State"):
        raise ValueError("no NodeName or State")
    have = parse_gres(values.get("Gres", ""))
    gpus, shards = have.get("gpu", {}), have.get("shard", {})
    configured, in_use = parse_tres(values.get("CfgTRES", "")), parse_tres(values.get("AllocTRES", ""))
    gres_used = parse_gres(values.get("GresUsed", ""))
    reason = _REASON.search(line)
    return Node(
        name=values["NodeName"],
        states=parse_node_states(values["State"]),
        partitions=names_of(values.get("Partitions", "")),
        cpus=int(values.get("CPUTot", "0")),
        cpus_allocated=int(values.get("CPUAlloc", "0")),
        memory_mb=int(values.get("RealMemory", "0")),
        gpus=gpus,
        gpus_allocated=allocated("gpu", gpus, configured, in_use, gres_used),
        shards=sum(shards.values()),
        shards_allocated=sum(allocated("shard", shards, configured, in_use, gres_used).values()),
        reason=reason[1].strip() if reason else "",
        # Until 20.11 "Features" where later versions have what is there and what is switched on.
        features=frozenset(names_of(values.get("ActiveFeatures", values.get("Features", "")))),
    )


def _read_partition(line: str) -> Partition:
    values = settings_of(line)
    if not values.get("PartitionName"):
        raise ValueError("no PartitionName")
    return Partition(
        name=values["PartitionName"],
        # DOWN accepts jobs and starts none, DRAIN and INACTIVE do not even accept them.
        up=values.get("State") == "UP",
        nodes=expand(values.get("Nodes", "")),
        max_time=parse_duration(values.get("MaxTime", "")),
        default_time=parse_duration(values.get("DefaultTime", "")),
        allow_accounts=_allowed(values.get("AllowAccounts", "ALL")),
        deny_accounts=frozenset(names_of(values.get("DenyAccounts", ""))),
        allow_groups=_allowed(values.get("AllowGroups", "ALL")),
        allow_qos=_allowed(values.get("AllowQos", "ALL")),
        exclusive=values.get("OverSubscribe") == "EXCLUSIVE",
        qos="" if (qos := values.get("QoS", "N/A")) in {"N/A", "(null)"} else qos,
    )


def _allowed(text: str) -> frozenset[str] | None:
    return None if text.upper() == "ALL" else frozenset(names_of(text))


def names_of(text: str) -> tuple[str, ...]:
    """Split a list of names; none for Slurm's words for an empty one."""
    return () if text in {"", "(null)", "N/A"} else tuple(text.split(","))
