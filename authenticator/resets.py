"""An administrator resets somebody: the request comes through the store, from whichever process."""

import asyncio
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

from authenticator.audit import Event
from authenticator.sessions import Sessions
from authenticator.store.revocations import Revocation

__all__ = ["Resets"]

# Two requests at once may become visible in another order than that of their numbers.
OVERLAP: Final = 16


class Resets:
    """Carries out requests to end sessions, each once, on the hub's loop."""

    def __init__(self, authenticator: Any, sessions: Sessions) -> None:
        self._authenticator = authenticator
        self._sessions = sessions
        self._done: dict[int, None] = {}
        # A thread of its own: those of the logins are all taken while a directory hangs.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="resets")

    def begin(self) -> None:
        """Carry out what was asked for while the hub was down; it answers nobody yet, so this may block."""
        self._carry_out(self._authenticator.store.revocations.newer_than(0, now=time.time()))

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def request(self, name: str, *, reason: str, by: str) -> None:
        """Ask all hubs of the store to end somebody's sessions, and end them in this one now."""
        store = self._authenticator.store.revocations
        await self._blocking(partial(store.request, name, reason=reason, by=by, now=time.time()))
        await self.catch_up()

    async def catch_up(self) -> None:
        """Carry out what was asked for since the last time."""
        first = max(0, max(self._done, default=0) - OVERLAP)
        store = self._authenticator.store.revocations
        self._carry_out(await self._blocking(partial(store.newer_than, first, now=time.time())))

    async def _blocking(self, function: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    def _carry_out(self, revocations: Iterable[Revocation]) -> None:
        for each in revocations:
            if each.id in self._done:
                continue
            if self._sessions.end(each.user, before=each.requested):
                self._authenticator.log.info(
                    "All sessions of %s are ended: %s, by %s", each.user, each.reason, each.by
                )
                self._authenticator.audit.record(
                    Event(kind="revoked", reason=each.reason, user=each.user, by=each.by)
                )
            self._done[each.id] = None
        for number in sorted(self._done)[: -2 * OVERLAP]:
            del self._done[number]
