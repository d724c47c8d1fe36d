"""One look at Slurm for everybody: the shared snapshot that spawners, pages and services read."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, NamedTuple

from traitlets import Float, Instance, default
from traitlets.config import LoggingConfigurable

from slurm.client import SlurmClient
from slurm.errors import SlurmError
from slurm.jobs import Jobs
from slurm.look import Look
from slurm.order import jobs_ahead, lines_of
from slurm.records import Job, Node, Partition, Reservation
from slurm.snapshot import JobView, Snapshot
from slurm.states import JobPhase, phase
from slurm.watchlist import Watchlist

__all__ = ["JobView", "Monitor", "Snapshot"]


_WHILE_OUT: Final = 10.0


class _Hardware(NamedTuple):
    nodes: Mapping[str, Node] = MappingProxyType({})
    partitions: Mapping[str, Partition] = MappingProxyType({})
    reservations: Mapping[str, Reservation] = MappingProxyType({})


class Monitor(LoggingConfigurable):
    """Asks Slurm as rarely as its users allow, remembers the last good answer, and never raises.

    Every process has one. While jobs are registered with `watch` it looks by itself; else only when asked.
    """

    client = Instance(SlurmClient)
    waiting_interval = Float(
        5.0,
        config=True,
        help="Seconds between two looks at the jobs while any registered job waits, starts or ends.",
    )
    running_interval = Float(
        30.0, config=True, help="Seconds between two looks at the jobs while all registered jobs run."
    )
    min_interval = Float(
        2.0,
        config=True,
        help="""Seconds between two questions of the same kind, whoever asks. Slurm is never asked again
        within five times the duration of its last answer either.""",
    )
    max_backoff = Float(
        60.0,
        config=True,
        help="""Seconds between two questions at most, while Slurm is out. Somebody who opens a page then has
        Slurm asked again 10 seconds after the last failure.""",
    )
    partitions_interval = Float(
        60.0,
        config=True,
        help="Seconds for which the settings of partitions, and reservations, are taken as unchanged.",
    )

    @default("client")
    def _default_client(self) -> SlurmClient:
        return SlurmClient(parent=self)

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        self._clock = clock
        timing = {
            "min_interval": self.min_interval,
            "max_backoff": self.max_backoff,
            # A page should not show old figures for a minute after Slurm is back.
            "while_out": _WHILE_OUT,
        }
        self._jobs: Look[Mapping[str, Job]] = Look(
            "squeue", self.client.jobs, self._jobs_done, clock=clock, wall=wall, **timing
        )
        self._hardware: Look[_Hardware] = Look(
            "scontrol", self._ask_hardware, self._report, clock=clock, wall=wall, **timing
        )
        self._partitions_asked: float | None = None
        self._watched = Watchlist()
        self._loop: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._looked = asyncio.Event()
        self._hurry_after = 0
        self._silent = False
        self._strange_states: set[str] = set()

    @property
    def queries(self) -> Counter[str]:
        """How often each command was run, by its name."""
        return self.client.queries

    @property
    def snapshot(self) -> Snapshot:
        """What is known now, without asking."""
        hardware = self._hardware.value or _Hardware()
        error = self._jobs.error or self._hardware.error
        return Snapshot(
            jobs=self._jobs.value or Jobs(),
            nodes=hardware.nodes,
            partitions=hardware.partitions,
            reservations=hardware.reservations,
            jobs_at=self._jobs.at,
            nodes_at=self._hardware.at,
            problem=None if error is None else error.summary,
            jobs_problem=None if self._jobs.error is None else self._jobs.error.summary,
        )

    async def look_jobs(self, max_age: float, patience: float | None = None) -> Snapshot:
        """Have jobs no older than `max_age` seconds, as far as Slurm may be asked; never raises.

        Whoever waits for it gives up after `patience` seconds; the query goes on for the others.
        """
        await self._jobs.look(max_age, patience)
        return self.snapshot

    async def look_nodes(self, max_age: float, patience: float | None = None) -> Snapshot:
        """Have nodes and partitions no older than `max_age` seconds; else as `look_jobs`."""
        await self._hardware.look(max_age, patience)
        return self.snapshot

    def watch(self, job_id: str, *, name: str | None = None, just_submitted: bool = True) -> None:
        """Look after a job from now on.

        Say ``just_submitted=False`` for a job of unknown age (after a restart): until the first look it is
        then UNKNOWN, not WAITING. With its `name`, a job that has the same id and another name is not taken
        for it: after a Slurm that lost its state somebody else's job may have our number, and ours has ended.
        """
        self._watched.add(job_id, after=self._jobs.started, just_submitted=just_submitted, name=name)
        self._keep_looking()

    def unwatch(self, job_id: str) -> None:
        """Forget a job."""
        self._watched.remove(job_id)
        self._wake.set()

    def look_soon(self) -> None:
        """Look at the next allowed moment, for something has just changed: a submission, a cancellation."""
        self._hurry_after = self._jobs.started + 1
        self._keep_looking()

    def fate(self, job_id: str) -> JobView:
        """Say what is known about a job, without asking.

        A registered job that one successful look did not show is UNKNOWN, after the second in succession
        ENDED; a failed look changes nothing.
        """
        if job_id in self._watched:
            found, job, confirmed = self._watched.view(job_id)
            return JobView(found, job, None if confirmed is None else max(0.0, self._clock() - confirmed))
        job = (self._jobs.value or {}).get(job_id)
        return JobView(JobPhase.UNKNOWN) if job is None else JobView(phase(job.state), job, self._jobs.age)

    async def changed(self, timeout: float) -> bool:
        """Wait for the end of the next look at the jobs, good or not; False after `timeout` seconds."""
        self._keep_looking()
        looked = self._looked
        try:
            await asyncio.wait_for(looked.wait(), timeout)
        except TimeoutError:
            return False
        return True

    def ahead(self, job_id: str) -> int | None:
        """Count the jobs that Slurm will think of before this one; None when it does not wait."""
        jobs = self._jobs.value
        if jobs is None or (job := jobs.get(job_id)) is None:
            return None
        return jobs_ahead(job, jobs.lines if isinstance(jobs, Jobs) else lines_of(jobs.values()))

    async def close(self) -> None:
        """Stop looking."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.wait({self._loop})
        await self._jobs.close()
        await self._hardware.close()

    async def _ask_hardware(self) -> _Hardware:
        nodes = MappingProxyType(await self.client.nodes())
        now, last, before = self._clock(), self._partitions_asked, self._hardware.value
        if before is not None and last is not None and now - last < self.partitions_interval:
            return before._replace(nodes=nodes)
        partitions = MappingProxyType(await self.client.partitions())
        reservations = await self._ask_reservations(before.reservations if before else MappingProxyType({}))
        self._partitions_asked = now
        return _Hardware(nodes, partitions, reservations)

    async def _ask_reservations(self, before: Mapping[str, Reservation]) -> Mapping[str, Reservation]:
        """Ask for the reservations; without them the table is still right, so it must not fail for them."""
        try:
            return MappingProxyType(await self.client.reservations())
        except SlurmError as error:
            self.log.warning("Slurm's reservations cannot be read, the last ones stay: %s", error)
            return before

    def _keep_looking(self) -> None:
        """Make sure that the background loop runs, if there is something to look after."""
        self._wake.set()
        if self._watched.alive and (self._loop is None or self._loop.done()):
            try:
                self._loop = asyncio.get_running_loop().create_task(self._look_after_jobs())
            except RuntimeError:  # not running yet: the first coroutine that asks starts it
                self._loop = None

    async def _look_after_jobs(self) -> None:
        while self._watched.alive:
            self._wake.clear()
            delay = self._due() - self._clock()
            if delay <= 0:
                await self._jobs.look(0.0)
                continue
            try:
                await asyncio.wait_for(self._wake.wait(), delay)
            except TimeoutError:
                pass

    def _due(self) -> float:
        """Say when, by the clock, the next look at the jobs is due."""
        if self._jobs.began is None or self._jobs.started < self._hurry_after:
            return self._jobs.allowed_at
        interval = self.waiting_interval if self._watched.unsettled else self.running_interval
        return max(self._jobs.allowed_at, self._jobs.began + interval)

    def _jobs_done(self) -> None:
        if self._jobs.error is None and self._jobs.value is not None:
            self._watched.observe(self._jobs.value, self._jobs.started, self._clock())
            self._note_strange_states(self._jobs.value)
        self._report()
        looked, self._looked = self._looked, asyncio.Event()
        looked.set()
        self._wake.set()  # somebody's question may have found Slurm back: then looks are due sooner

    def _note_strange_states(self, jobs: Mapping[str, Job]) -> None:
        states = jobs.states if isinstance(jobs, Jobs) else {job.state for job in jobs.values()}
        words = {word for word in states if phase(word) is JobPhase.UNKNOWN}
        for word in sorted(words - self._strange_states):
            self.log.warning("Slurm reports a job state that we do not know, %r: such jobs are kept", word)
        self._strange_states |= words

    def _report(self) -> None:
        """Log that Slurm stopped answering, or answers again; once each."""
        failed = self._jobs if self._jobs.error is not None else self._hardware
        if failed.error is not None and not self._silent:
            self.log.warning(
                "Slurm cannot be asked, the last figures stay (%s)", failed.error, exc_info=failed.bug
            )
        elif failed.error is None and self._silent:
            self.log.info("Slurm answers again")
        self._silent = failed.error is not None
