"""Whether the hub and its services answer: a process that hangs writes no line in any log."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from hpchub.configuration import Configuration
from hpchub.findings import Finding, Level

__all__ = ["checks", "look"]

_AREA: Final = "answers"
_PATIENCE: Final = 5.0  # seconds


def checks(configuration: Configuration) -> Iterator[Finding]:
    """Yield what comes of asking each; nothing of a hub whose address is not set."""
    hub = configuration.config.get("JupyterHub", {})
    base = str(hub.get("base_url", "/")).rstrip("/")
    if address := hub.get("hub_connect_url") or hub.get("hub_bind_url"):
        yield look("hub", str(address).replace("//0.0.0.0", "//127.0.0.1"), f"{base}/hub/health")
    for service in configuration.listed("JupyterHub", "services"):
        if isinstance(service, dict) and service.get("command") and service.get("url"):
            name = str(service["name"])
            yield look(f"service {name}", str(service["url"]), f"{base}/services/{name}/")


def look(check: str, address: str, path: str, patience: float = _PATIENCE) -> Finding:
    """Ask for a page; any answer will do, for what is wrong with it stands in a log.

    Parameters
    ----------
    patience : float
        Seconds until it counts as hanging.
    """
    try:
        return Finding(_AREA, check, Level.OK, f"{address}: {_status(address, path, patience)}")
    except ConnectionRefusedError:
        do = "start the hub, if it should run: systemctl status hpchub, journalctl -u hpchub"
        return Finding(_AREA, check, Level.WARNING, f"nobody listens at {address}", do)
    except TimeoutError:
        seen = f"{address} takes connections and has not answered for {patience:.0f} s"
        do = "it hangs. End the process that listens there (ss -ltnp): systemd or the hub starts it again"
        return Finding(_AREA, check, Level.FAULT, seen, do)
    except ssl.SSLError:  # TLS inside: it answers those with a certificate of the hub's
        return Finding(_AREA, check, Level.OK, f"{address}: TLS")
    except (OSError, http.client.HTTPException, ValueError) as error:
        do = "see whether this address is the right one, and the process's log"
        return Finding(_AREA, check, Level.WARNING, f"{address}: {type(error).__name__}", do)


def _status(address: str, path: str, patience: float) -> int:
    parts = urlsplit(address)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=patience)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()
