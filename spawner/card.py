"""What the home page shows of a server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from spawner.extending import Room, room_of
from spawner.running import Facts, facts_of

if TYPE_CHECKING:
    from spawner.spawner import SlurmGPUSpawner

__all__ = ["Card", "card_of"]


@dataclass(frozen=True, slots=True)
class Card:
    """Everything on the card of one server, as of `now`."""

    now: datetime
    facts: Facts
    room: Room


def card_of(spawner: SlurmGPUSpawner) -> Card:
    """Gather what is known of a server, without asking anybody."""
    return Card(datetime.now(UTC), facts_of(spawner), room_of(spawner))
