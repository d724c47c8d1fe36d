"""Gives a running server more time, where the site's policy and Slurm allow it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from queues.policy import Queue
from slurm.records import Job, Partition, Sentence
from slurm.states import JobPhase, is_paused, phase
from texts import mark as _

if TYPE_CHECKING:
    from spawner.spawner import SlurmGPUSpawner

__all__ = ["Room", "room", "room_of"]

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Room:
    """By how much a server's time can be extended.

    Attributes
    ----------
    hours : int
        Whole hours that can still be added; 0 where it cannot be extended.
    until : datetime or None
        When the job would end then.
    why_not : Sentence or None
        Why it cannot be extended.
    """

    hours: int = 0
    until: datetime | None = None
    why_not: Sentence | None = None


def room(job: Job | None, queue: Queue, partition: Partition | None, *, allowed: bool) -> Room:
    """Say by how much a job's time can be extended.

    Parameters
    ----------
    partition : Partition or None
        Slurm's; its MaxTime is a limit that an operator's ``scontrol update`` would pass over. None while
        Slurm has not answered; then this is what the policy alone would allow.
    allowed : bool
        Whether the site extends jobs at all (``SlurmGPUSpawner.extend_time``).
    """
    most_hours: int | None = getattr(queue, "extend_to_hours", None)
    if not allowed or most_hours is None:
        return _no(_("This site does not extend the time of servers in the queue “%(queue)s”."), queue)
    if job is None or phase(job.state) is not JobPhase.RUNNING or is_paused(job.state):
        return Room(why_not=Sentence(_("Only the time of a server that is running can be extended."), {}))
    if job.time_limit is None or job.ends is None:
        return Room(why_not=Sentence(_("This server has no time limit."), {}))
    most = most_hours * _HOUR
    if partition is not None and partition.max_time is not None:
        most = min(most, partition.max_time)
    hours = max(0, (most - job.time_limit) // _HOUR)
    if hours == 0:
        text = _("The server has the longest time that the queue “%(queue)s” gives.")
        return _no(text, queue)
    return Room(hours, job.ends + hours * _HOUR)


def room_of(spawner: SlurmGPUSpawner) -> Room:
    """Say by how much a server's time can be extended, as far as is known now."""
    office = spawner.shared()
    queue = office.queue_of(spawner.user_options)
    job = office.monitor.fate(spawner.job_id).job if spawner.job_id else None
    if job is not None and job.name != spawner.ticket.name:
        job = None
    partition = office.monitor.snapshot.partitions.get(queue.partition)
    return room(job, queue, partition, allowed=spawner.extend_time)


def _no(text: str, queue: Queue) -> Room:
    return Room(why_not=Sentence(text, {"queue": queue.name}))
