"""Follows actions while somebody looks: one poll for each, however many look, and none when nobody does."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Final

from environments.problems import Problem
from services.environments.desk import Desk
from services.environments.digest import Digest, Said
from services.environments.files import UnreachableError
from services.environments.state import Now
from services.environments.told import Past
from slurm.records import Sentence
from texts import mark as _

__all__ = ["Follows", "Glance", "Unknown"]

_STEPS: Final = 200  # that somebody can have missed and still gets one by one
_WHILE_RUNNING: Final = 10.0  # seconds for which a look at the jobs will do while the journal tells all
_WHILE_WAITING: Final = 3.0


class Unknown(Exception):  # noqa: N818 - an answer more than an error
    """There is no such action of this user's."""


@dataclass(frozen=True, slots=True)
class Glance:
    """What was to be seen of an action at one moment.

    Attributes
    ----------
    offset : int
        So many bytes of the journal are in it; by it a listener that lost the line goes on.
    lines : tuple of str
        What is new of the log; all that is kept of it where `whole` is true.
    """

    now: Now
    digest: Digest
    offset: int
    lines: tuple[Said, ...] = ()
    whole: bool = False
    problem: Sentence | None = None


@dataclass(slots=True)
class _Follow:
    """One action that somebody looks at."""

    digest: Digest
    listeners: int = 0
    version: int = 0
    steps: deque[tuple[int, Glance]] = field(default_factory=lambda: deque(maxlen=_STEPS))
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    unknown: bool = False

    def add(self, glance: Glance) -> None:
        """Tell all listeners, unless it is what they know."""
        if self.steps and not glance.lines and _same(self.steps[-1][1], glance):
            return
        self.version += 1
        self.steps.append((self.version, glance))
        self.wake()

    def wake(self) -> None:
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()

    def since(self, version: int) -> list[tuple[int, Glance]] | None:
        """Return what came after a version; None when that is no longer known."""
        if not self.steps or version > self.version or version < self.steps[0][0] - 1:
            return None
        return [step for step in self.steps if step[0] > version]

    def version_at(self, offset: int | None) -> int:
        """Return the version that somebody has who read so far; -1 when none is known."""
        found = (number for number, glance in self.steps if glance.offset == offset)
        return next(found, -1)

    def whole(self) -> tuple[int, Glance]:
        number, last = self.steps[-1]
        lines = tuple(self.digest.lines)
        return number, Glance(last.now, last.digest, last.offset, lines, whole=True, problem=last.problem)


def _same(one: Glance, other: Glance) -> bool:
    return (one.now, one.offset, one.problem) == (other.now, other.offset, other.problem)


class Follows:
    """All actions that somebody of this process looks at.

    Parameters
    ----------
    interval : float
        Seconds between two polls of one action.
    """

    def __init__(self, desk: Desk, interval: float = 1.0) -> None:
        self._desk = desk
        self._interval = interval
        self._follows: dict[tuple[str, str], _Follow] = {}
        self.polls = 0
        """How often a journal was asked for."""

    async def glance(self, user: str, action: str) -> Glance:
        """Look once.

        Raises
        ------
        Unknown
            The user has no such action.
        UnreachableError, Problem
            The files could not be read, and nobody has looked before.
        """
        running = self._follows.get((user, action))
        if running is not None and running.steps:
            return running.whole()[1]
        digest = Digest(Past(action, "", ""))
        await self._desk.line.look(_WHILE_WAITING)
        found = await self._look(user, digest)
        return Glance(found.now, digest, digest.next, tuple(digest.lines), whole=True, problem=found.problem)

    async def follow(self, user: str, action: str, offset: int | None = None) -> AsyncGenerator[Glance]:
        """Yield what is to be seen, at once and whenever it changes, until the action is over.

        Parameters
        ----------
        offset : int or None
            Where a listener stopped that was here before; it then hears only what it has missed.

        Raises
        ------
        Unknown
            The user has no such action.
        """
        key = (user, action)
        one = self._follows.setdefault(key, _Follow(Digest(Past(action, "", ""))))
        one.listeners += 1
        if one.task is None:
            one.task = asyncio.create_task(self._poll(key, one))
        version = one.version_at(offset)
        try:
            while True:
                changed = one.changed
                for number, glance in _missed(one, version):
                    version = number
                    yield glance
                    if glance.now.over and number == one.version:
                        return
                if one.unknown:
                    raise Unknown
                if one.changed is changed:
                    await changed.wait()
        finally:
            one.listeners -= 1
            if not one.listeners:
                self._end(key, one)

    def _end(self, key: tuple[str, str], one: _Follow) -> None:
        if one.task is not None:
            one.task.cancel()
        if self._follows.get(key) is one:
            del self._follows[key]

    async def _poll(self, key: tuple[str, str], one: _Follow) -> None:
        user, _action = key
        while True:
            began = one.digest.known.began
            await self._desk.line.look(_WHILE_RUNNING if began else _WHILE_WAITING)
            try:
                glance = await self._look(user, one.digest)
            except Unknown:
                one.unknown = True
                one.wake()
                return
            except (UnreachableError, Problem) as error:
                glance = self._blind(user, one.digest, error)
            one.add(glance)
            if glance.now.over:
                return
            await asyncio.sleep(self._interval if glance.problem is None else 5 * self._interval)

    async def _look(self, user: str, digest: Digest) -> Glance:
        """Look at the jobs as they were seen last, and read on in the journal."""
        looked_at = self._desk.line.looked_at
        now = self._desk.state_of(user, digest, looked_at)
        before = digest.next
        fresh: list[Said] = []
        # A job that waits writes nothing, but that it has begun the journal may tell before Slurm is asked.
        if now.state != "waiting" or digest.turn():
            self.polls += 1
            fresh = await self._desk.read_journal(user, digest)
            now = self._desk.state_of(user, digest, looked_at)
        if not now.verb and not digest.known.began:
            raise Unknown
        if now.state == "running" and not now.job and digest.known.began and before == digest.next:
            now = await self._in_a_terminal(user, now)
        now = await self._desk.explained(now)
        return Glance(now, digest, digest.next, tuple(fresh))

    async def _in_a_terminal(self, user: str, now: Now) -> Now:
        """Ask the list, which knows whether the process in the terminal still lives."""
        seen = await self._desk.overview(user, _WHILE_RUNNING)
        return next((one for one in seen.actions if one.id == now.id), now)

    def _blind(self, user: str, digest: Digest, error: Exception) -> Glance:
        now = self._desk.state_of(user, digest, None)
        said = (
            error.sentence
            if isinstance(error, Problem)
            else Sentence(_("Your files cannot be read at the moment. This is what was seen last."), {})
        )
        return Glance(now, digest, digest.next, problem=said)

    async def close(self) -> None:
        """Stop following."""
        tasks = [one.task for one in self._follows.values() if one.task is not None]
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)


def _missed(one: _Follow, version: int) -> list[tuple[int, Glance]]:
    """Return what a listener with this version has missed: step by step, or as a whole."""
    if not one.steps:
        return []
    steps = one.since(version) if version >= 0 else None
    return [one.whole()] if steps is None else steps
