"""What the home page shows of a server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from queues.estimate import cost
from queues.policy import Queue
from spawner.again import Again, again_of
from spawner.extending import Room, room_of
from spawner.running import Facts, facts_of
from spawner.source import Titled, titled

if TYPE_CHECKING:
    from spawner.spawner import SlurmGPUSpawner

__all__ = ["Card", "Extension", "card_of", "extensions"]

_STEPS = (1, 2, 4, 8, 12, 24, 48, 72, 168)


@dataclass(frozen=True, slots=True)
class Extension:
    """So many hours more, and what they cost at most: None where the queue is free."""

    hours: int
    most: Decimal | None


@dataclass(frozen=True, slots=True)
class Card:
    """Everything on the card of one server, as of `now`.

    Attributes
    ----------
    environment : Titled or None
        What the server was started from; None where there is no choice.
    """

    now: datetime
    facts: Facts
    queue: Queue
    room: Room
    extensions: tuple[Extension, ...]
    again: Again | None
    warn_minutes: int
    environment: Titled | None = None

    @property
    def waited(self) -> timedelta | None:
        """How long the job has been in the queue; None where that is not known."""
        return None if self.facts.submitted is None else max(self.now - self.facts.submitted, timedelta(0))


def card_of(spawner: SlurmGPUSpawner) -> Card:
    """Gather what is known of a server, without asking anybody."""
    queue = spawner.shared().queue_of(spawner.user_options)
    more = room_of(spawner)
    return Card(
        now=datetime.now(UTC),
        facts=facts_of(spawner),
        queue=queue,
        room=more,
        extensions=extensions(more, queue),
        again=None if spawner.active else again_of(spawner),
        warn_minutes=spawner.warn_minutes,
        environment=titled(spawner.ticket.environment, spawner.shared().site),
    )


def extensions(more: Room, queue: Queue) -> tuple[Extension, ...]:
    """Choose the numbers of hours to offer: a few, and all that can be had.

    >>> queue = Queue(name="q", kind="exclusive", max_hours=4, price="1000")
    >>> [(one.hours, str(one.most)) for one in extensions(Room(3), queue)]
    [(1, '1000'), (2, '2000'), (3, '3000')]
    """
    hours = [step for step in _STEPS if step < more.hours] + [more.hours] * (more.hours > 0)
    return tuple(Extension(one, cost(queue, one) if queue.price is not None else None) for one in hours)
