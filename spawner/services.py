"""Lets a hub with `internal_ssl` see that its services answer.

JupyterHub 6.1 waits for its services with the TLS context of its own web server, which no client can use
("Cannot create a client socket with a PROTOCOL_TLS_SERVER context"): each start of the hub waits in vain for
as long as a service may take, and says that it cannot be connected to. Left to itself, `start_service` makes
the right context. This may go when `launch_instance_async` hands over none.
"""

from __future__ import annotations

import functools
import ssl
from typing import Any

from jupyterhub.app import JupyterHub

__all__ = ["wait_for_services_as_a_client"]


def wait_for_services_as_a_client() -> None:
    """Have the hub wait for its services with a context that is a client's; to be called once."""
    start_service = JupyterHub.start_service

    @functools.wraps(start_service)
    async def start(
        hub: JupyterHub, name: str, service: Any, ssl_context: ssl.SSLContext | None = None
    ) -> bool:
        if ssl_context is not None and ssl_context.protocol is ssl.PROTOCOL_TLS_SERVER:
            ssl_context = None
        return bool(await start_service(hub, name, service, ssl_context))

    JupyterHub.start_service = start  # type: ignore[method-assign,assignment]
