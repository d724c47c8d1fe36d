"""What becomes of the jobs that somebody cares for: the rule by which a job may be called ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from slurm.records import Job
from slurm.states import JobPhase, needs_second_look, phase

__all__ = ["Watchlist"]

# squeue without the job, twice in succession: once can be a controller that is just coming back.
_LOOKS_TO_END = 2

_SETTLED = frozenset({JobPhase.RUNNING, JobPhase.ENDED})


@dataclass(slots=True)
class _Entry:
    phase: JobPhase
    after: int
    name: str | None = None
    job: Job | None = None
    confirmed_at: float | None = None
    absences: int = 0
    doubts: int = 0


class Watchlist:
    """The registered jobs. Successful looks are shown to it; failed ones are not, and so change nothing."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}

    def add(self, job_id: str, *, after: int, just_submitted: bool, name: str | None = None) -> None:
        """Register a job; looks up to number `after` began too early to prove its absence.

        One that ended under this id, by another name, gives way to the new one.
        """
        entry = self._entries.get(job_id)
        if entry is not None and (entry.phase is not JobPhase.ENDED or name in (None, entry.name)):
            entry.name = entry.name or name
            return
        first = JobPhase.WAITING if just_submitted else JobPhase.UNKNOWN
        self._entries[job_id] = _Entry(first, after, name)

    def remove(self, job_id: str) -> None:
        self._entries.pop(job_id, None)

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._entries

    def observe(self, jobs: Mapping[str, Job], number: int, clock: float) -> None:
        """Take in successful look `number`."""
        for job_id, entry in self._entries.items():
            job = jobs.get(job_id)
            if job is not None and _is_ours(entry, job):
                _present(entry, job, clock)
            elif number > entry.after:
                _absent(entry, clock)

    def view(self, job_id: str) -> tuple[JobPhase, Job | None, float | None]:
        """Give a job's phase, its last record, and the clock when the phase was last confirmed."""
        entry = self._entries[job_id]
        return entry.phase, entry.job, entry.confirmed_at

    @property
    def alive(self) -> bool:
        """Whether any job is left that may still change."""
        return any(entry.phase is not JobPhase.ENDED for entry in self._entries.values())

    @property
    def unsettled(self) -> bool:
        """Whether any job is expected to change soon."""
        return any(entry.phase not in _SETTLED for entry in self._entries.values())


def _is_ours(entry: _Entry, job: Job) -> bool:
    """Tell our job from somebody else's with its id: a Slurm that lost its state counts from 1 again.

    Owners may rename their jobs, so one of another name is still ours when it was submitted at the same time
    by the same user as the record that we have seen.
    """
    if entry.name is None or job.name == entry.name:
        return True
    seen = entry.job
    return seen is not None and (seen.submitted, seen.user) == (job.submitted, job.user)


def _present(entry: _Entry, job: Job, clock: float) -> None:
    entry.job, entry.absences = job, 0
    entry.doubts = entry.doubts + 1 if needs_second_look(job.state) else 0
    entry.phase = phase(job.state)
    if 0 < entry.doubts < _LOOKS_TO_END:
        entry.phase = JobPhase.ENDING
    entry.confirmed_at = clock


def _absent(entry: _Entry, clock: float) -> None:
    if entry.phase is JobPhase.ENDED:
        return
    entry.absences += 1
    if entry.absences < _LOOKS_TO_END:
        entry.phase = JobPhase.UNKNOWN
    else:
        entry.phase, entry.confirmed_at = JobPhase.ENDED, clock
