"""The one route that a starting server calls: "I listen on this port".

It takes one whole number inside the site's range, once for each time that Slurm starts the job, from its
server and from nobody else. It replaces the route that batchspawner registers when it is imported, which
sets any attribute of the spawner from the request.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, Protocol

import batchspawner.api
from jupyterhub import apihandlers
from tornado import web

from spawner.api import Api
from spawner.requeue import AskAgainError

__all__ = ["PORT_ROUTE", "PortHandler", "digest", "replace_batchspawner_route"]

PORT_ROUTE = r"/api/hpchub/port"


class AwaitsPort(Protocol):
    """What the route needs of a spawner."""

    token_digest: str

    async def take_port(self, port: int) -> str | None:
        """Take the port, or say why not; raise `AskAgainError` while that is not known."""


def digest(token: str) -> str:
    """Hash a server's API token, so that a restarted hub knows it again without keeping it."""
    return hashlib.sha256(token.encode()).hexdigest()


class PortHandler(Api):
    """POST {"port": 40123} with the server's own API token."""

    async def post(self) -> None:
        token = self.get_auth_token()  # type: ignore[no-untyped-call]
        user = self.current_user
        if not token or user is None or not hasattr(user, "spawners"):
            raise web.HTTPError(403, "Only a starting server may report its port, with its own token")
        spawner = self._spawner_of(user, digest(token))
        if spawner is None:
            raise web.HTTPError(404, "No server of yours that uses this token is starting")
        port = self._port()
        try:
            refusal = await spawner.take_port(port)
        except AskAgainError:
            raise web.HTTPError(
                503, "It is not known yet whether this job was started anew: ask again"
            ) from None
        if refusal is not None:
            raise web.HTTPError(409, refusal)
        self.set_status(204)

    def _spawner_of(self, user: Any, token_digest: str) -> AwaitsPort | None:
        found = None
        # Every server is compared, and in constant time: how long it takes says nothing.
        for spawner in user.spawners.values():
            expected = getattr(spawner, "token_digest", "")
            if expected and hmac.compare_digest(expected, token_digest):
                found = spawner
        return found

    def _port(self) -> int:
        body = self.body()
        if not isinstance(body, dict) or set(body) != {"port"}:
            raise web.HTTPError(400, 'The body must be {"port": NUMBER} and nothing else')
        port = body["port"]
        if not isinstance(port, int) or isinstance(port, bool) or not 1024 <= port <= 65535:
            raise web.HTTPError(400, "port must be a whole number from 1024 to 65535")
        return port


def replace_batchspawner_route() -> None:
    """Take batchspawner's route out of the hub and put ours in; calling it twice changes nothing."""
    handlers = apihandlers.default_handlers
    stock = batchspawner.api.BatchSpawnerAPIHandler
    handlers[:] = [entry for entry in handlers if entry[1] not in (stock, PortHandler)]
    handlers.append((PORT_ROUTE, PortHandler))
