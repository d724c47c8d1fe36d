"""The web application of the service, and its life from start to end."""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
import ssl
from typing import Any

from jupyterhub.log import log_request
from jupyterhub.services.auth import HubOAuth
from tornado import web

from queues.policy import load_policy
from services.parent import until_orphaned
from services.queues.desk import Desk
from services.queues.handlers import ApiHandler, CallbackHandler, NoSuchAddressHandler, PageHandler
from services.queues.settings import Settings
from slurm.monitor import Monitor

__all__ = ["make_app", "serve"]

log = logging.getLogger(__name__)


def make_app(desk: Desk, settings: Settings) -> web.Application:
    """Return the application that answers below the service's prefix."""
    routes: list[tuple[str, Any]] = [
        (settings.prefix, PageHandler),
        (f"{settings.prefix}api/v1/queues", ApiHandler),
        (f"{settings.prefix}oauth_callback", CallbackHandler),
    ]
    return web.Application(
        routes,
        default_handler_class=NoSuchAddressHandler,
        desk=desk,
        base_url=settings.base_url,
        # Signs this process's login cookies; after a restart browsers are silently sent through the hub.
        cookie_secret=secrets.token_bytes(32),
        # JupyterHub's own, which leaves codes and tokens out of the log.
        log_function=log_request,
    )


async def serve(settings: Settings) -> None:
    """Answer until told to end.

    Raises
    ------
    queues.policy.PolicyError
        When the queues of the site cannot be used.
    """
    desk = Desk(load_policy(settings.queues), Monitor())
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    orphaned = loop.create_task(until_orphaned())
    orphaned.add_done_callback(lambda _task: ending.set())
    # A hub that starts again at once must not meet the port of its predecessor's ending service.
    server = make_app(desk, settings).listen(
        settings.port, settings.host, reuse_port=True, ssl_options=_certificates()
    )
    log.info("queues: answering on %s:%s%s", settings.host, settings.port, settings.prefix)
    await ending.wait()
    orphaned.cancel()
    server.stop()
    await server.close_all_connections()
    await desk.close()


def _certificates() -> ssl.SSLContext | None:
    """Return what proves us to the proxy, and it to us, where the site has `internal_ssl`."""
    hub = HubOAuth.instance()
    if not hub.certfile:
        return None
    # Not JupyterHub's `make_ssl_context`, which lets in whoever has a certificate of a public authority, too.
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=hub.client_ca)
    context.load_cert_chain(hub.certfile, hub.keyfile)
    context.verify_mode = ssl.CERT_REQUIRED
    return context
