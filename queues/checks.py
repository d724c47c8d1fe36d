"""What the doctor looks at in the queues: whether Slurm has what the policy file offers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from hpchub.configuration import Configuration
from hpchub.findings import Finding, Level
from queues.policy import PolicyError, QueuePolicy, load_policy
from queues.queue import Queue
from slurm.client import SlurmClient
from slurm.errors import SlurmError
from slurm.records import Node, Partition

__all__ = ["checks", "compare"]

_AREA = "queues"


def checks(configuration: Configuration) -> Iterator[Finding]:
    """Yield what is found of the queues. Slurm is asked for partitions, nodes and QoS; nothing is changed.

    Nothing is found for a hub with another spawner.
    """
    if "SlurmGPUSpawner" not in str(configuration.config.JupyterHub.get("spawner_class", "")):
        return
    path = configuration.config.get("SlurmGPUSpawner", {}).get("queues_file", "queues.toml")
    try:
        policy = load_policy(Path(path))
    except PolicyError as error:
        for fault in str(error).splitlines():
            yield Finding(_AREA, "policy file", Level.FAULT, fault, "the hub does not start with it")
        return
    yield Finding(_AREA, "policy file", Level.OK, str(path))
    client = SlurmClient(config=configuration.config)
    try:
        partitions, nodes = asyncio.run(_look(client))
    except SlurmError as error:
        yield Finding(_AREA, "Slurm", Level.FAULT, str(error), "see that sinfo works for the hub's account")
        return
    yield from compare(policy, partitions, nodes.values(), _qos_names(client))


async def _look(client: SlurmClient) -> tuple[Mapping[str, Partition], Mapping[str, Node]]:
    return await client.partitions(), await client.nodes()


def _qos_names(client: SlurmClient) -> frozenset[str] | None:
    """Return the names of all QoS; None where there is no accounting, or it does not answer."""
    try:
        return frozenset(asyncio.run(client.rules()).qos) or None
    except SlurmError:
        return None


def compare(
    policy: QueuePolicy,
    partitions: Mapping[str, Partition],
    nodes: Iterable[Node],
    qos: frozenset[str] | None,
) -> Iterator[Finding]:
    """Yield a fault for everything that a queue offers and Slurm does not have, else one finding a queue.

    Parameters
    ----------
    qos : frozenset of str or None
        The names of all QoS; None where they are not known.
    """
    known = tuple(nodes)
    for queue in policy.queues:
        partition = partitions.get(queue.partition)
        if partition is None:
            do = f"write one of {', '.join(sorted(partitions))}"
            seen = f"Slurm has no partition {queue.partition}"
            yield Finding(_AREA, queue.name, Level.FAULT, seen, do)
            continue
        own = [node for node in known if queue.partition in node.partitions]
        found = list(_lacks(queue, partition, own, qos))
        yield from found
        if not found:
            yield Finding(_AREA, queue.name, Level.OK, f"partition {queue.partition}, {len(own)} nodes")


def _lacks(
    queue: Queue, partition: Partition, nodes: list[Node], qos: frozenset[str] | None
) -> Iterator[Finding]:
    yield from _gpu_lacks(queue, nodes)
    has = frozenset().union(*(node.features for node in nodes))
    for feature in queue.features:
        if feature.name not in has:
            yield _fault(queue, f"no node has the feature {feature.name}", "one of its nodes' features", has)
    for name in queue.qos:
        if qos is not None and name not in qos:
            yield _fault(queue, f"Slurm has no QoS {name}", "one of its QoS", qos)
        elif partition.allow_qos is not None and name not in partition.allow_qos:
            yield _fault(
                queue, f"its partition does not take the QoS {name}", "one that it takes", partition.allow_qos
            )


def _gpu_lacks(queue: Queue, nodes: list[Node]) -> Iterator[Finding]:
    types = frozenset(kind for node in nodes for kind in node.gpus)
    for kind in queue.gpu_types:
        most = max((node.gpus.get(kind.name, 0) for node in nodes), default=0)
        if not most:
            yield _fault(queue, f"no node has GPUs of the type {kind.name}", "one of its nodes' types", types)
        elif kind.per_node > most:
            seen = f"per_node of {kind.name} is {kind.per_node}, and a node has {most} of them at most"
            yield Finding(_AREA, queue.name, Level.FAULT, seen, f"write per_node = {most}")
    most = max((sum(node.gpus.values()) for node in nodes), default=0)
    if queue.gpus_per_node > most:
        seen = f"gpus_per_node is {queue.gpus_per_node}, and a node has {most} GPUs at most"
        yield Finding(_AREA, queue.name, Level.FAULT, seen, f"write gpus_per_node = {most}")


def _fault(queue: Queue, seen: str, wanted: str, has: Iterable[str]) -> Finding:
    names = ", ".join(sorted(name for name in has if name)) or "none"
    return Finding(_AREA, queue.name, Level.FAULT, seen, f"write {wanted} ({names}), or leave it out")
