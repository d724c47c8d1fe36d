"""What the hub tells every service in its environment: where to listen, and below which address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

__all__ = ["Place", "SettingsError", "required"]


class SettingsError(Exception):
    """A setting is missing or wrong; the text names it and says what to write."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a service answers.

    Attributes
    ----------
    prefix : str
        The service's own address below the proxy, such as ``/services/queues/``.
    base_url : str
        The hub's, such as ``/``.
    header : tuple of str
        What the header of the hub's pages leads to besides what every hub has: ``otp`` for the pages about
        one-time passwords, else names of services.
    """

    host: str
    port: int
    prefix: str
    base_url: str
    header: tuple[str, ...] = ()

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Place:
        """Read what the hub sets.

        Raises
        ------
        SettingsError
            Naming the first one that will not do.
        """
        url = required(environ, "JUPYTERHUB_SERVICE_URL", "run this as a service of JupyterHub")
        # What the hub gives a service with `internal_ssl`, and it alone.
        host, port = _address(url, "https" if environ.get("JUPYTERHUB_SSL_CERTFILE") else "http")
        return cls(
            host=host,
            port=port,
            prefix=_folder(required(environ, "JUPYTERHUB_SERVICE_PREFIX", "run this as a service")),
            base_url=_folder(environ.get("JUPYTERHUB_BASE_URL") or "/"),
            header=tuple(filter(None, environ.get("HPCHUB_HEADER", "").split(","))),
        )


def required(environ: Mapping[str, str], name: str, advice: str) -> str:
    """Return a variable's value.

    Raises
    ------
    SettingsError
        With the advice, when it is not set.
    """
    value = environ.get(name)
    if not value:
        raise SettingsError(f"{name} is not set: {advice}")
    return value


def _address(url: str, scheme: str) -> tuple[str, int]:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme != scheme or parts.hostname is None or port is None:
        raise SettingsError(f"JUPYTERHUB_SERVICE_URL={url}: write {scheme}://ADDRESS:PORT")
    return parts.hostname, port


def _folder(path: str) -> str:
    return path if path.endswith("/") else f"{path}/"
