"""Gives a running server more time, where the site's policy and Slurm allow it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from queues.policy import Queue
from slurm.errors import SlurmError, SlurmRefused
from slurm.monitor import Monitor
from slurm.records import Job, Partition, Sentence
from slurm.snapshot import Snapshot
from slurm.states import JobPhase, is_paused, phase
from texts import mark as _

if TYPE_CHECKING:
    from spawner.spawner import SlurmGPUSpawner

__all__ = ["ExtendError", "Extended", "Room", "extend", "room", "room_of"]

_HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)
PATIENCE = 8.0  # seconds to wait for a look at the queue that is newer than the request
PAUSE = 0.25  # seconds between two tries to look, which the monitor allows only so often
# Seconds after which a look shows a change or there was none, and an operator's own change counts again.
SETTLES = 45.0
PARTITIONS_AGE = 60.0  # seconds for which partitions' limits are taken as unchanged

_OUT = _("Slurm does not answer at the moment, so the time was not extended. Please try again in a minute.")
_IN_DOUBT = _(
    "Slurm did not answer when the time was to be extended. Look at the time left in a minute: "
    "if it has not changed, try again."
)
_GONE = _("The job of this server is no longer in the queue.")
_NO_RIGHT = _(
    "The hub may not change jobs in Slurm, so the time was not extended. Please tell the administrators."
)
_REFUSED = _("Slurm refused to extend the time: %(words)s")


# What Slurm says to whom it takes no change from: 22.05 the former, others and for other changes the latter.
_RIGHTS = re.compile(r"invalid user id|permission", re.IGNORECASE)


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


@dataclass(frozen=True, slots=True)
class Extended:
    """A time limit that was changed, from one number of minutes to another."""

    job_id: str
    before: int
    after: int


class ExtendError(Exception):
    """The time was not extended, or it is not known whether it was; `status` is the HTTP status for it."""

    def __init__(self, sentence: Sentence, status: int, why: str) -> None:
        super().__init__(str(sentence))
        self.sentence = sentence
        self.status = status
        self.why = why


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
    if not allowed or queue.extend_to_hours is None:
        return _no(_("The time of servers in the queue “%(queue)s” is not extended."), queue)
    if job is None or phase(job.state) is not JobPhase.RUNNING or is_paused(job.state):
        return Room(why_not=Sentence(_("Only the time of a server that is running can be extended."), {}))
    if job.time_limit is None or job.ends is None:
        return Room(why_not=Sentence(_("This server has no time limit."), {}))
    most = queue.extend_to_hours * _HOUR
    if partition is not None and partition.max_time is not None:
        most = min(most, partition.max_time)
    hours = max(0, (most - job.time_limit) // _HOUR)
    if hours == 0:
        return _no(_("The server has the longest time already that the queue “%(queue)s” gives."), queue)
    return Room(hours, job.ends + hours * _HOUR)


def room_of(spawner: SlurmGPUSpawner) -> Room:
    """Say by how much a server's time can be extended, as far as is known now."""
    office = spawner.shared()
    queue = office.queue_of(spawner.user_options)
    job = office.monitor.fate(spawner.job_id).job if spawner.job_id else None
    if job is not None and not _is_own(job, spawner):
        job = None
    partition = office.monitor.snapshot.partitions.get(queue.partition)
    return room(job, queue, partition, allowed=spawner.extend_time)


@dataclass(slots=True)
class _Turn:
    """One extension of a server at a time, and the last one, which a look may not show yet."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    last: Extended | None = None
    at: float = 0.0

    def limit_of(self, job: Job, limit: timedelta) -> int:
        """Return the job's limit in minutes, or what Slurm was told a moment ago, if that is more."""
        last, age = self.last, asyncio.get_running_loop().time() - self.at
        told = last.after if last is not None and last.job_id == job.id and age < SETTLES else 0
        return max(_minutes(limit), told)


_turns: WeakKeyDictionary[SlurmGPUSpawner, _Turn] = WeakKeyDictionary()


async def extend(spawner: SlurmGPUSpawner, hours: int) -> Extended:
    """Add whole hours to the time limit of a server's job.

    Raises
    ------
    ExtendError
        When it is not allowed, when the job is not (any more) this server's, or when Slurm refuses or
        does not answer.
    """
    turn = _turns.setdefault(spawner, _Turn())
    async with turn.lock:
        job, queue, partition = await _fresh_job(spawner)
        most = room(job, queue, partition, allowed=spawner.extend_time)
        if most.why_not is not None:
            raise ExtendError(most.why_not, 409, "policy")
        assert job.time_limit is not None  # noqa: S101 - `room` has just said so
        # Two presses in a row: the second must never undo the first.
        before = turn.limit_of(job, job.time_limit)
        left = max(0, most.hours - (before - _minutes(job.time_limit)) // 60)
        if not 1 <= hours <= left:
            text = _("The time can be extended by %(hours)s hours at most.")
            raise ExtendError(Sentence(text, {"hours": left}), 409, "policy")
        change = Extended(job.id, before, before + hours * 60)
        previous, previous_at = turn.last, turn.at
        turn.last, turn.at = change, asyncio.get_running_loop().time()
        try:
            await _tell_slurm(spawner, change)
        except ExtendError as error:
            if error.why != "outage":  # a clear no; an outage may have been a yes
                turn.last, turn.at = previous, previous_at
            raise
        return change


async def _fresh_job(spawner: SlurmGPUSpawner) -> tuple[Job, Queue, Partition]:
    """Ask Slurm about the job, and make sure that it is the one that this server submitted."""
    office = spawner.shared()
    snapshot = await _look_anew(office.monitor)
    job = snapshot.jobs.get(spawner.job_id)
    if job is None or not _is_own(job, spawner):
        raise ExtendError(Sentence(_GONE, {}), 409, "job-gone")
    queue = office.queue_of(spawner.user_options)
    partition = snapshot.partitions.get(queue.partition)
    if partition is None:
        raise ExtendError(Sentence(_OUT, {}), 503, "outage")
    return job, queue, partition


async def _look_anew(monitor: Monitor) -> Snapshot:
    """Have a look at the jobs that ended after now; what is older says nothing about this moment."""
    loop = asyncio.get_running_loop()
    asked, deadline = datetime.now(UTC), loop.time() + PATIENCE
    await monitor.look_nodes(PARTITIONS_AGE, PATIENCE)
    while True:
        snapshot = await monitor.look_jobs(0, max(0.1, deadline - loop.time()))
        if snapshot.jobs_at is not None and snapshot.jobs_at >= asked:
            return snapshot
        if loop.time() >= deadline:
            raise ExtendError(Sentence(_OUT, {}), 503, "outage")
        await asyncio.sleep(PAUSE)


async def _tell_slurm(spawner: SlurmGPUSpawner, change: Extended) -> None:
    office = spawner.shared()
    try:
        await office.client.set_time_limit(change.job_id, change.after)
    except SlurmRefused as error:
        raise _refusal(spawner, error) from error
    except SlurmError as error:
        spawner.log.warning("The time of job %s may not be extended: %s", change.job_id, error)
        raise ExtendError(Sentence(_IN_DOUBT, {}), 503, "outage") from error
    # So that the next page has the new end.
    office.monitor.look_soon()
    await office.monitor.changed(PATIENCE / 2)


def _refusal(spawner: SlurmGPUSpawner, error: SlurmRefused) -> ExtendError:
    if not _RIGHTS.search(error.message):
        return ExtendError(Sentence(_REFUSED, {"words": error.message}), 409, "refused")
    spawner.log.error(
        "SlurmGPUSpawner.extend_time is on, but Slurm does not take it from the hub's account (%s): make it"
        " an operator (sacctmgr add user HUB account=root adminlevel=operator), or set extend_time = False",
        error,
    )
    return ExtendError(Sentence(_NO_RIGHT, {}), 503, "no-right")


def _is_own(job: Job, spawner: SlurmGPUSpawner) -> bool:
    return job.name == spawner.ticket.name and job.user == spawner.user.name


def _minutes(limit: timedelta) -> int:
    return -(-limit // _MINUTE)


def _no(text: str, queue: Queue) -> Room:
    return Room(why_not=Sentence(text, {"queue": queue.name}))
