"""Logout stops all servers of the user: those that run, and those that still wait for their place.

The hub's own logout passes over servers that are starting. A job that waits would then start later, for
somebody who has left, and cost money.
"""

from __future__ import annotations

import asyncio
from typing import Any

from jupyterhub import handlers
from jupyterhub.handlers.login import LogoutHandler

__all__ = ["LeavingHandler", "replace_logout"]

PATIENCE = 5.0  # seconds for a cancelled start to end


class LeavingHandler(LogoutHandler):
    """The hub's logout, which gives up waiting servers first."""

    async def default_handle_logout(self) -> None:
        user = self.current_user
        if user is not None and self.shutdown_on_logout:
            waiting = [name for name, one in user.spawners.items() if one.pending == "spawn"]
            await asyncio.gather(*(self._give_up(user, name) for name in waiting))
        await super().default_handle_logout()  # type: ignore[no-untyped-call]

    async def _give_up(self, user: Any, name: str) -> None:
        """Cancel a start as the hub's Cancel does, then have its job cancelled."""
        spawner = user.spawners[name]
        if spawner._spawn_future is not None:
            spawner._spawn_future.cancel()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE
        while spawner.pending and loop.time() < deadline:  # noqa: ASYNC110 - the hub has plain flags
            await asyncio.sleep(0.05)
        if name in user.spawners and not spawner.pending:
            await self.stop_single_user(user, name)  # type: ignore[no-untyped-call]


def replace_logout() -> None:
    """Put ours in the place of the hub's handler; calling it twice changes nothing."""
    entries = handlers.default_handlers
    for number, entry in enumerate(entries):
        if entry[1] is LogoutHandler:
            entries[number] = (entry[0], LeavingHandler, *entry[2:])
