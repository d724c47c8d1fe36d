"""Requests to the hub with the server's own token, for what runs in the server."""

from __future__ import annotations

import json
import os
import ssl
import urllib.request
from typing import Any

__all__ = ["ask", "certificates"]

TIMEOUT = 20.0  # seconds


def ask(path: str, data: Any = None, *, timeout: float = TIMEOUT) -> Any:
    """Ask the hub, or tell it `data`; return what the answer holds, None for an answer without a body.

    It blocks: call it in a thread.

    Parameters
    ----------
    path : str
        What follows the address of the hub's API, as ``hpchub/port``.
    data
        What is posted, as JSON. Without it, the request is a GET.
    timeout : float
        Seconds for each step of the exchange.

    Raises
    ------
    urllib.error.HTTPError
        The hub has answered something else than success.
    OSError
        The hub has not answered, or its certificate is not the hub's.
    ValueError
        The answer is not JSON, as that of a proxy may be.
    """
    request = urllib.request.Request(
        f"{os.environ['JUPYTERHUB_API_URL'].rstrip('/')}/{path}",
        data=None if data is None else json.dumps(data).encode(),
        headers={
            "Authorization": f"token {os.environ['JUPYTERHUB_API_TOKEN']}",
            "Content-Type": "application/json",
        },
    )
    # Not through a proxy that the environment names: JupyterHub's own requests do not use one, either.
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=certificates())
    )
    with opener.open(request, timeout=timeout) as answer:
        body = answer.read()
    return json.loads(body) if body else None


def certificates() -> ssl.SSLContext | None:
    """Return what proves us to the hub, and it to us, where it has certificates (`internal_ssl`)."""
    keyfile = os.environ.get("JUPYTERHUB_SSL_KEYFILE")
    certfile = os.environ.get("JUPYTERHUB_SSL_CERTFILE")
    if not keyfile or not certfile:
        return None
    context = ssl.create_default_context(cafile=os.environ.get("JUPYTERHUB_SSL_CLIENT_CA") or None)
    context.load_cert_chain(certfile, keyfile)
    return context
