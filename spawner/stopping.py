"""Stops a server for a page, in whatever state it is; what the hub's API does in two steps and with waits."""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["stop_server"]

PATIENCE = 5.0  # seconds for a cancelled start to end


async def stop_server(handler: Any, user: Any, name: str) -> bool:
    """Stop a server, or give up one that is on its way; return whether it is stopping or stopped.

    Parameters
    ----------
    handler : BaseHandler
        One of the hub's, whose ``stop_single_user`` does it.
    """
    spawner = user.spawners[name]
    if spawner.pending == "spawn" or spawner._spawn_pending:
        if spawner._spawn_future is not None:
            spawner._spawn_future.cancel()
        await _until_settled(spawner)
    if spawner.pending == "stop":
        return True
    if spawner.pending or name not in user.spawners:
        return name not in user.spawners
    await handler.stop_single_user(user, name)
    return True


async def _until_settled(spawner: Any) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE
    while spawner.pending == "spawn" and loop.time() < deadline:  # noqa: ASYNC110 - the hub has plain flags
        await asyncio.sleep(0.05)
