"""A Jupyter Server extension that closes connections of people whom the hub does not know any more.

A request is checked when it comes; a connection to a kernel or a terminal is checked when it is opened, and
then lasts for days. This looks at those that are open every minute, and asks the hub about their tokens as
for a request. When the hub does not answer, they stay open.

It is no lock: a server belongs to its user, who can change what runs in it. Who must be stopped for certain
is stopped together with the server (`servers_of_removed`).
"""

from __future__ import annotations

import asyncio
import os
import weakref
from typing import Any

from tornado import web, websocket

INTERVAL = 60.0  # seconds
NOT_ALLOWED = 4403  # private use (RFC 6455 7.4.2); 403 is what the next attempt gets


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "singleuser.leash"}]


def _load_jupyter_server_extension(server: Any) -> None:
    """Begin once the server's loop runs; Jupyter calls this by its name."""
    connections = collect(server.identity_provider)
    interval = float(os.environ.get("HPCHUB_LEASH_SECONDS", INTERVAL))
    server.io_loop.add_callback(watch, server, connections, interval)


def collect(provider: Any) -> weakref.WeakSet[Any]:
    """Return the set of all connections that were let in by this provider, now and later."""
    connections: weakref.WeakSet[Any] = weakref.WeakSet()
    get_user = provider.get_user

    async def noting(handler: web.RequestHandler) -> Any:
        user = await get_user(handler)
        if user is not None and isinstance(handler, websocket.WebSocketHandler):
            connections.add(handler)
        return user

    # Every handler asks this object who it is, so that nothing else has to be known about the kinds of them.
    provider.get_user = noting
    return connections


async def watch(server: Any, connections: weakref.WeakSet[Any], interval: float) -> None:
    """Close what is not good any more, for as long as the server runs."""
    hub = server.identity_provider.hub_auth
    while True:
        await asyncio.sleep(interval)
        for handler in [each for each in connections if each.ws_connection is not None]:
            if not await may_stay(hub, handler):
                server.log.warning(
                    "The hub does not know %s's session any more", os.environ["JUPYTERHUB_USER"]
                )
                handler.close(NOT_ALLOWED, "log in again")


async def may_stay(hub: Any, handler: Any) -> bool:
    """Ask the hub about the token of a connection, as of a new request; True when it does not answer."""
    token = hub.get_token(handler)
    if not token:
        return False
    try:
        user = await hub.user_for_token(token, session_id=hub.get_session_id(handler), sync=False)
    except web.HTTPError:
        return True
    return user is not None and bool(hub.check_scopes(hub.access_scopes, user))
