"""Lets so many calls of the helper run at once, and has users take turns.

A class of a hundred that starts together would otherwise run a hundred sudo and sbatch at the same moment,
on the hub's machine and against Slurm's controller.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["Turn", "Turns"]


class Turn:
    """A place in the line; awaited, it ends when it is this one's turn."""

    def __init__(self, user: str, line: Line) -> None:
        self.user = user
        self._line = line
        self._called: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def ahead(self) -> int:
        """How many will be called before this one, as far as is known now."""
        return self._line.ahead(self)

    @property
    def waits(self) -> bool:
        return not self._called.done()

    @property
    def was_called(self) -> bool:
        return self._called.done() and not self._called.cancelled()

    def call(self) -> None:
        self._called.set_result(None)

    def leave(self) -> None:
        """Give up the place; whoever awaits the turn is cancelled."""
        if self.waits:
            self._line.remove(self)
            self._called.cancel()

    async def called(self) -> None:
        # Shielded: a caller that is cancelled must not turn a call that has come into none.
        await asyncio.shield(self._called)


class Line:
    """Users in a circle, the turns of each in the order of their coming."""

    def __init__(self) -> None:
        self._users: dict[str, deque[Turn]] = {}

    def __len__(self) -> int:
        return sum(len(turns) for turns in self._users.values())

    def append(self, turn: Turn) -> None:
        self._users.setdefault(turn.user, deque()).append(turn)

    def pop(self) -> Turn:
        """Take the next; its user goes to the end of the circle."""
        user, turns = next(iter(self._users.items()))
        turn = turns.popleft()
        del self._users[user]
        if turns:
            self._users[user] = turns
        return turn

    def remove(self, turn: Turn) -> None:
        turns = self._users[turn.user]
        turns.remove(turn)
        if not turns:
            del self._users[turn.user]

    def ahead(self, turn: Turn) -> int:
        own = self._users.get(turn.user, deque())
        if turn not in own:
            return 0
        rounds = own.index(turn)
        count, before = rounds, True
        for user, turns in self._users.items():
            if user == turn.user:
                before = False
            else:
                count += min(len(turns), rounds + before)
        return count


class Turns:
    """Hands out turns; at most `limit` are held at once.

    Cancellations go first: they give nodes back, and nobody should pay while a class is starting.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0
        self._urgent, self._usual = Line(), Line()

    @property
    def waiting(self) -> int:
        """How many stand in line."""
        return len(self._urgent) + len(self._usual)

    def ask(self, user: str, *, urgent: bool = False) -> Turn:
        """Stand in line; the turn must be taken with `held_by`, or left."""
        line = self._urgent if urgent else self._usual
        turn = Turn(user, line)
        line.append(turn)
        self._call()
        return turn

    @asynccontextmanager
    async def held_by(self, turn: Turn) -> AsyncIterator[None]:
        """Wait for the turn, and hold it for the length of a ``with`` block."""
        try:
            await turn.called()
            yield
        finally:
            if turn.waits:
                turn.leave()
            elif turn.was_called:
                self.held -= 1
                self._call()

    def _call(self) -> None:
        while self.held < self.limit and (self._urgent or self._usual):
            self.held += 1
            (self._urgent if self._urgent else self._usual).pop().call()
