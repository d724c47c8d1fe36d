"""A user's own environments, as the helper tells them: remembered for a moment, and asked with patience.

They lie in the user's folders, which only the user can read, on a file system that may hang. So a page never
waits for them longer than it waits for Slurm, and a start without an answer goes on: the job looks again.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from slurm.errors import SlurmError
from spawner.source import NAME

__all__ = ["Own", "OwnEnvironments"]

FRESH: Final = 20.0  # seconds for which an answer is good enough for the form
BRIEF: Final = 2.0  # seconds, when it is about to change
AT_ONCE: Final = 8  # questions for all users together; each is a sudo and a Python
MOST: Final = 200  # environments of one user that are shown
_NAME: Final = re.compile(NAME)
_MAKES: Final = frozenset({"bootstrap", "import", "clone"})


class Answers(Protocol):
    """The part of `slurm.acting.ActsAsUser` that is needed here."""

    async def ask_environments(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Ask as the user."""


@dataclass(frozen=True, slots=True)
class Own:
    """One environment of a user.

    Attributes
    ----------
    server : bool
        Whether a notebook server can be started from it.
    busy : bool
        Whether it is being changed.
    python : str
        Its Python's version; empty when not known.
    making : bool
        Whether it is not there yet, and on its way.
    """

    name: str
    server: bool
    busy: bool = False
    python: str = ""
    making: bool = False


@dataclass(slots=True)
class _Asked:
    task: asyncio.Task[tuple[Own, ...] | None]
    at: float


class OwnEnvironments:
    """Asks for them; one per hub.

    Parameters
    ----------
    fresh : float
        Seconds for which an answer counts.
    brief : float
        Seconds for one that is about to change: there is nothing yet, or something is being changed.
    """

    def __init__(self, log: logging.Logger, fresh: float = FRESH, brief: float = BRIEF) -> None:
        self._log = log
        self._fresh = fresh
        self._brief = min(brief, fresh)
        self._asked: dict[str, _Asked] = {}
        self._places = asyncio.Semaphore(AT_ONCE)

    async def of(self, acts: Answers, user: str, patience: float) -> tuple[Own, ...] | None:
        """Return the user's environments; None when there was no answer within `patience` seconds."""
        loop = asyncio.get_running_loop()
        self._forget_old(loop.time())
        asked = self._asked.get(user)
        if asked is None:
            asked = self._asked[user] = _Asked(loop.create_task(self._list(acts, user)), loop.time())
        # It goes on when this page gives up waiting: the next one has the answer.
        done, _rest = await asyncio.wait({asked.task}, timeout=max(0.0, patience))
        found = asked.task.result() if done else None
        if done and found is None and self._asked.get(user) is asked:
            del self._asked[user]  # no answer is not remembered
        return found

    async def one(self, acts: Answers, user: str, name: str, patience: float) -> Own | None:
        """Look at one environment now; without one of that name it has no server and no Python.

        Returns
        -------
        Own or None
            None when there was no answer.
        """
        question = {"ask": "python", "environment": name}
        try:
            async with asyncio.timeout(patience):
                answer = await self._ask(acts, user, question)
        except TimeoutError:
            self._log.warning("Whether %s of %s can serve is not known: no answer", name, user)
            return None
        if answer is None or "problem" in answer:
            return None
        python = answer.get("python")
        there = isinstance(python, str) and bool(python)
        server = there and answer.get("server") is True
        return Own(name, server, bool(answer.get("busy")), str(python) if there else "")

    def forget(self, user: str) -> None:
        """Ask anew the next time: something has changed."""
        self._asked.pop(user, None)

    def _forget_old(self, now: float) -> None:
        old = [
            user for user, one in self._asked.items() if one.task.done() and now - one.at >= self._good(one)
        ]
        for user in old:
            del self._asked[user]

    def _good(self, asked: _Asked) -> float:
        """Return for how many seconds an answer counts."""
        if asked.task.cancelled() or asked.task.exception():
            return 0.0
        own = asked.task.result() or ()
        settled = any(one.server for one in own) and not any(one.busy for one in own)
        return self._fresh if settled else self._brief

    async def _list(self, acts: Answers, user: str) -> tuple[Own, ...] | None:
        answer = await self._ask(acts, user, {"ask": "list"})
        return None if answer is None else _read(answer)

    async def _ask(self, acts: Answers, user: str, question: Mapping[str, Any]) -> dict[str, Any] | None:
        try:
            async with self._places:
                return await acts.ask_environments(question)
        except SlurmError as error:
            self._log.warning("The environments of %s are not known: %s", user, error)
            return None


def _read(answer: Mapping[str, Any]) -> tuple[Own, ...] | None:
    """Take what is sound in an answer; it is made of the user's own files, and may hold anything."""
    listed = answer.get("environments")
    if not isinstance(listed, list):
        return None
    found = []
    for raw in listed[:MOST]:
        if not isinstance(raw, dict):
            continue
        name, python = raw.get("name"), raw.get("python")
        if isinstance(name, str) and _NAME.fullmatch(name):
            version = python if isinstance(python, str) and len(python) <= 20 else ""
            found.append(Own(name, raw.get("server") is True, bool(raw.get("busy")), version))
    return (*found, *_on_their_way(answer.get("actions"), {one.name for one in found}))


def _on_their_way(actions: Any, there: set[str]) -> tuple[Own, ...]:
    """Read which ones are being made: who waits for his first is not told that he has none."""
    names = dict.fromkeys(
        name
        for raw in (actions[:MOST] if isinstance(actions, list) else ())
        if isinstance(raw, dict) and str(raw.get("verb")) in _MAKES and raw.get("result") == ""
        if isinstance(name := raw.get("environment"), str) and _NAME.fullmatch(name) and name not in there
    )
    return tuple(Own(name, server=False, busy=True, making=True) for name in names)
