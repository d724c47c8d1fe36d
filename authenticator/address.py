"""Where a request comes from, in spite of what it says itself.

Tornado believes ``X-Real-Ip`` and ``X-Forwarded-For`` of everybody who connects, and JupyterHub's proxy
passes the former on as the browser sent it. Whoever may choose an address is never slowed down by it, forges
the audit, and is in any network that he likes. So here only a proxy is believed, and of its list only what
it has written itself: every proxy appends whom it heard.
"""

import ipaddress
from collections.abc import Collection
from typing import Any

__all__ = ["address_of", "believed"]


def address_of(request: Any) -> str:
    """Return the address of who sent this (Tornado) request."""
    context = getattr(getattr(request, "connection", None), "context", None)
    peer = getattr(context, "address", None)
    if context is None:
        return str(request.remote_ip or "")
    # Another process of this machine connects by a socket without addresses.
    heard = peer[0] if isinstance(peer, tuple) and peer else ""
    return believed(heard, request.headers.get("X-Forwarded-For", ""), context.trusted_downstream)


def believed(peer: str, forwarded: str, proxies: Collection[str]) -> str:
    """Return the last address that nobody but a proxy of ours can have written.

    Parameters
    ----------
    peer
        Who has connected; empty for a socket without addresses.
    forwarded
        What came as ``X-Forwarded-For``.
    proxies
        Addresses of proxies (`JupyterHub.trusted_downstream_ips`); this very machine is one besides.

    >>> believed("127.0.0.1", "198.51.100.9, 203.0.113.5", ())
    '203.0.113.5'
    >>> believed("203.0.113.5", "198.51.100.9", ())
    '203.0.113.5'
    """
    known = {_plain(each) for each in proxies}
    address = _plain(peer)
    for heard in reversed(forwarded.split(",")):
        if not _is_proxy(address, known) or not _plain(heard):
            break
        address = _plain(heard)
    return address


def _is_proxy(address: str, known: Collection[str]) -> bool:
    return not address or address in known or ipaddress.ip_address(address).is_loopback


def _plain(text: str) -> str:
    """Return an address in its one spelling, and nothing for what is none."""
    try:
        found = ipaddress.ip_address(text.strip().partition("%")[0])
    except ValueError:
        return ""
    return str(getattr(found, "ipv4_mapped", None) or found)
