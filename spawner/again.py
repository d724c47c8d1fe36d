"""The last options of a server, as a form of one button that starts it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from queues.estimate import cost
from queues.gpus import gpu_label
from slurm.snapshot import Snapshot
from spawner.options import Options, OptionsError, Request, Standing, parse, resolve
from spawner.source import Titled, titled

if TYPE_CHECKING:
    from spawner.spawner import SlurmGPUSpawner

__all__ = ["Again", "again_of"]


@dataclass(frozen=True, slots=True)
class Again:
    """What a server would ask for if it were started as the last time.

    Attributes
    ----------
    fields : dict of str to str
        The form's hidden fields.
    gpu_type : str
        The one type that the queue's nodes have, or that was chosen; "" where that is not known.
    most : Decimal or None
        What it costs at most; None where the queue is free.
    environment : Titled or None
        What it starts from; None where that is left open, or there is no choice.
    """

    fields: dict[str, str]
    request: Request
    gpu_type: str
    most: Decimal | None
    environment: Titled | None = None

    @property
    def gpu_label(self) -> str:
        return gpu_label(self.gpu_type)


def again_of(spawner: SlurmGPUSpawner) -> Again | None:
    """Say what a start with the last options would ask for; None where it cannot be had any more."""
    saved = spawner.orm_spawner.user_options if spawner.remember_options else None
    if not isinstance(saved, dict) or not saved:
        return None
    office = spawner.shared()
    snapshot = office.monitor.snapshot
    groups = frozenset(group.name for group in spawner.user.groups)
    # Accounts are asked for when it starts; a start that they forbid is explained there.
    standing = Standing(spawner.user.name, groups, None)
    fields = _fields(saved)
    try:
        options = parse(fields, office.policy)
        request = resolve(
            options, office.policy, snapshot.partitions, standing, snapshot.reservations, office.site
        )
    except OptionsError:
        return None
    price = request.queue.price
    most = cost(request.queue, request.hours) if price is not None else None
    # With what was left open last time, so that the button keeps its word if defaults change meanwhile.
    fields |= {"queue": request.queue.name, "hours": str(request.hours)}
    kind = request.gpu_type or _only_type(request, snapshot)
    return Again(fields, request, kind, most, titled(request.environment, office.site))


def _fields(saved: Mapping[str, Any]) -> dict[str, str]:
    known = ((name, saved.get(name)) for name in Options.model_fields)
    return {name: str(value) for name, value in known if isinstance(value, str | int) and str(value)}


def _only_type(request: Request, snapshot: Snapshot) -> str:
    nodes = (node for node in snapshot.nodes.values() if request.queue.partition in node.partitions)
    types = {kind for node in nodes for kind in node.gpus}
    return types.pop() if len(types) == 1 else ""
