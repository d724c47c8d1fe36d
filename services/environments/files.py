"""Asks about users' files through the helper: not too many at once, and told apart from what Slurm says."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from environments.problems import Problem
from services.environments.told import Trouble, trouble
from slurm.acting import ActsAsUser, HelperRefusedError
from slurm.errors import SlurmError
from texts import mark as _

__all__ = ["SETUP", "Files", "UnreachableError", "problem_of"]

SETUP: Final = _("The hub is not set up rightly for environments. Please tell the administrators: %(words)s")
_AT_ONCE: Final = 8
_OF_ONE: Final = 2
_SECONDS: Final = 30.0
_SUBMISSION_SECONDS: Final = 90.0


class UnreachableError(Exception):
    """The user's files could not be asked; nothing is known of what is in them."""


class Files:
    """The helper, for all users of this process.

    Parameters
    ----------
    command : str
        The command that runs it, with ``{username}``.
    """

    def __init__(self, command: str) -> None:
        self._command = command
        self._all = asyncio.Semaphore(_AT_ONCE)
        self._ones: OrderedDict[str, asyncio.Semaphore] = OrderedDict()

    async def ask(self, user: str, **question: Any) -> Mapping[str, Any]:
        """Ask one question of environments/answers.py.

        Raises
        ------
        UnreachableError
            There was no answer.
        Problem
            The answer is that there is none, such as for an environment that is not there.
        """
        async with self._turn(user):
            try:
                acts = ActsAsUser(self._command, user, _SECONDS)
                answer = await acts.ask_environments(question)
            except HelperRefusedError as error:
                raise Problem("setup", SETUP, words=error.message) from None
            except SlurmError as error:
                raise UnreachableError(str(error)) from None
        if (told := trouble(answer.get("problem"))) is not None:
            raise problem_of(told)
        return answer

    @asynccontextmanager
    async def acting(self, user: str) -> AsyncIterator[ActsAsUser]:
        """Give the helper for something that changes something, when it is the user's turn."""
        async with self._turn(user):
            yield ActsAsUser(self._command, user, _SUBMISSION_SECONDS)

    @asynccontextmanager
    async def _turn(self, user: str) -> AsyncIterator[None]:
        # Nobody can keep the others waiting, however many pages they open.
        own = self._ones.setdefault(user, asyncio.Semaphore(_OF_ONE))
        self._ones.move_to_end(user)
        while len(self._ones) > 1000 and not next(iter(self._ones.values())).locked():
            self._ones.popitem(last=False)
        async with own, self._all:
            yield


def problem_of(trouble: Trouble) -> Problem:
    """Return what was told as what can be raised."""
    problem = Problem(trouble.code, trouble.sentence.msgid, details=trouble.details)
    problem.sentence = trouble.sentence  # not as keywords: their names are anybody's
    return problem
