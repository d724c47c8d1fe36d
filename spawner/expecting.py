"""When a request would start: asked of Slurm once for everybody who asks for the same, and remembered.

``sbatch --test-only`` has Slurm plan with the whole queue, which is no small question. So the same request
(the same *shape*) is asked once in `max_age` seconds whoever asks, two questions at most are with Slurm at
any time, and each of the two rests for as long as Slurm took.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from slurm.acting import FolderError, HelperRefusedError
from slurm.errors import SlurmError
from slurm.expected import Expected

__all__ = ["Answer", "Expectations", "shape_of"]

AT_ONCE: Final = 2
MOST_WAITING: Final = 100
MOST_OF_ONE: Final = 20  # one user's share of them: a script that asks for everything asks at its own cost
MOST_KEPT: Final = 2000
REFUSAL_AGE: Final = (
    15.0  # seconds: a user who was refused changes something, often elsewhere, and looks again
)
RETRY: Final = 15.0  # seconds without a question after one that Slurm did not answer

Shape: TypeAlias = Hashable
Question: TypeAlias = Callable[[], Awaitable[Expected]]
_Log: TypeAlias = logging.Logger | logging.LoggerAdapter[logging.Logger]

# Refusals that say the same to everybody who asks for the same. All others may be about the user's own
# limits and rights, so nobody hears them but the one who asked.
_SAME_FOR_ALL = re.compile(
    r"node configuration|node count|time limit is invalid|invalid partition|invalid feature"
    r"|partition .*not available|nodes are busy|node not available|invalid generic resource|memory required",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What Slurm said to one shape, and when; `expected` is None when Slurm did not say anything."""

    expected: Expected | None
    at: datetime


@dataclass(frozen=True, slots=True)
class _Kept:
    answer: Answer
    when: float


@dataclass(frozen=True, slots=True)
class _Landed:
    """The end of one question: whose it was, and whether its answer is for everybody."""

    answer: Answer
    asker: str
    for_all: bool


def shape_of(asked: Mapping[str, Any]) -> Shape:
    """Return what makes two requests the same to Slurm's planning: all but the comment."""
    return tuple(
        sorted((name, value) for name, value in asked.items() if name != "comment" and value is not None)
    )


class Expectations:
    """Expected starts by shape; one per hub process.

    Parameters
    ----------
    clock, wall : callable
        Monotonic seconds, and the time of day in UTC.
    """

    def __init__(
        self,
        log: _Log,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._log = log
        self._clock = clock
        self._wall = wall
        self._kept: dict[tuple[str, Shape], _Kept] = {}
        self._flights: dict[Shape, asyncio.Task[_Landed]] = {}
        self._askers: Counter[str] = Counter()
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._silent_until: float | None = None

    def known(self, shape: Shape, user: str, max_age: float) -> Answer | None:
        """Return what is known without asking: Slurm's answer, or its silence; None when it was not asked."""
        for owner in (user, ""):
            kept = self._kept.get((owner, shape))
            if kept is not None and self._clock() - kept.when <= _lifetime(kept.answer, max_age):
                return kept.answer
        return Answer(None, self._wall()) if self._is_silent() else None

    async def ask(
        self, shape: Shape, user: str, question: Question, *, max_age: float, patience: float
    ) -> Answer | None:
        """Return Slurm's answer to a shape; None when it takes longer than `patience` seconds.

        The question goes on then, and its answer is there for whoever asks next. Never raises.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        while (found := self.known(shape, user, max_age)) is None:
            flight = self._flights.get(shape) or self._take_off(shape, user, question)
            if flight is None:
                return None
            await asyncio.wait({flight}, timeout=max(0.0, deadline - loop.time()))
            if not flight.done() or flight.cancelled():
                return None
            landed = flight.result()
            if landed.for_all or landed.asker == user:
                return landed.answer
        return found

    async def close(self) -> None:
        """Give up all questions."""
        flights = set(self._flights.values())
        for flight in flights:
            flight.cancel()
        if flights:
            await asyncio.wait(flights)

    def _take_off(self, shape: Shape, user: str, question: Question) -> asyncio.Task[_Landed] | None:
        if len(self._flights) >= MOST_WAITING or self._askers[user] >= MOST_OF_ONE:
            return None
        flight = asyncio.get_running_loop().create_task(self._fly(shape, user, question))
        self._flights[shape] = flight
        self._askers[user] += 1
        flight.add_done_callback(lambda _: self._land(shape, user))
        return flight

    def _land(self, shape: Shape, user: str) -> None:
        del self._flights[shape]
        self._askers[user] -= 1
        self._askers = +self._askers

    async def _fly(self, shape: Shape, user: str, question: Question) -> _Landed:
        await self._turn.acquire()
        if self._is_silent():  # since it began to wait for its turn
            self._turn.release()
            return _Landed(Answer(None, self._wall()), user, for_all=True)
        began = self._clock()
        try:
            expected = await self._hear(question)
        except (FolderError, HelperRefusedError) as error:
            self._log.debug("%s cannot be told expected starts: %s", user, error)
            return _Landed(Answer(None, self._wall()), user, for_all=False)
        finally:
            rest = self._clock() - began
            asyncio.get_running_loop().call_later(rest, self._turn.release)
        answer = Answer(expected, self._wall())
        for_all = (
            expected is None or not expected.refusal or _SAME_FOR_ALL.search(expected.refusal) is not None
        )
        if expected is not None:
            self._keep(("" if for_all else user, shape), answer)
        return _Landed(answer, user, for_all)

    async def _hear(self, question: Question) -> Expected | None:
        try:
            expected = await question()
        except (FolderError, HelperRefusedError):
            raise  # about the one who asked; Slurm was not even reached
        except SlurmError as error:
            if self._silent_until is None:
                self._log.warning("Slurm cannot be asked for expected starts: %s", error)
        except Exception:  # whatever it is, a page without a forecast is still a page
            self._log.exception("Expected starts cannot be asked for")
        else:
            self._silent_until = None
            return expected
        self._silent_until = self._clock() + RETRY
        return None

    def _is_silent(self) -> bool:
        return self._silent_until is not None and self._clock() < self._silent_until

    def _keep(self, key: tuple[str, Shape], answer: Answer) -> None:
        self._kept.pop(key, None)
        self._kept[key] = _Kept(answer, self._clock())
        while len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]


def _lifetime(answer: Answer, max_age: float) -> float:
    refused = answer.expected is not None and answer.expected.refusal != ""
    return min(max_age, REFUSAL_AGE) if refused else max_age
