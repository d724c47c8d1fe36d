"""The life of a service from start to end: it answers where the hub says, for as long as that hub lives."""

from __future__ import annotations

import asyncio
import logging
import signal
import ssl
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from jupyterhub.services.auth import HubOAuth
from tornado import web

from services.parent import until_orphaned
from services.settings import Place

__all__ = ["answer", "run"]

log = logging.getLogger(__name__)


def run(name: str, serve: Callable[[], Coroutine[None, None, None]], *wrong: type[Exception]) -> int:
    """Run a service until it ends, and return its exit status.

    Parameters
    ----------
    serve : callable
        Makes the service and answers.
    *wrong : type
        What it raises where a setting is wrong; the text is for the administrator.
    """
    logging.basicConfig(level=logging.INFO, format="%(levelname).1s %(asctime)s %(name)s: %(message)s")
    # JupyterHub's login code writes session ids there at INFO.
    logging.getLogger("tornado.application").setLevel(logging.WARNING)
    # Seconds for which a browser is believed without asking the hub: who is shut out there is soon out here.
    HubOAuth.instance(cache_max_age=60)
    try:
        asyncio.run(serve())
    except Exception as error:
        if not isinstance(error, (OSError, *wrong)):
            raise
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    return 0


async def answer(app: web.Application, place: Place, name: str, **limits: Any) -> None:
    """Answer until told to end, or until the hub is gone.

    Parameters
    ----------
    **limits
        As tornado's HTTPServer takes them, such as ``max_body_size`` in bytes.
    """
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    orphaned = loop.create_task(until_orphaned())
    orphaned.add_done_callback(lambda _task: ending.set())
    # A hub that starts again at once must not meet the port of its predecessor's ending service.
    server = app.listen(place.port, place.host, reuse_port=True, ssl_options=_certificates(), **limits)
    log.info("%s: answering on %s:%s%s", name, place.host, place.port, place.prefix)
    await ending.wait()
    orphaned.cancel()
    server.stop()
    await server.close_all_connections()


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
