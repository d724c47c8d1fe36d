"""What the hub and the site tell this service, in its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

__all__ = ["Settings", "SettingsError"]


class SettingsError(Exception):
    """A setting is missing or wrong; the text names it and says what to write."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where to listen, and which queues there are.

    Attributes
    ----------
    prefix : str
        The service's own address below the proxy, such as ``/services/queues/``.
    base_url : str
        The hub's, such as ``/``.
    """

    queues: Path
    host: str
    port: int
    prefix: str
    base_url: str

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings.

        Raises
        ------
        SettingsError
            Naming the first one that will not do.
        """
        url = _required(environ, "JUPYTERHUB_SERVICE_URL", "run this as a service of JupyterHub")
        # What the hub gives a service with `internal_ssl`, and it alone.
        host, port = _address(url, "https" if environ.get("JUPYTERHUB_SSL_CERTFILE") else "http")
        return cls(
            queues=Path(_required(environ, "HPCHUB_QUEUES", "write the path of the site's queues.toml")),
            host=host,
            port=port,
            prefix=_folder(_required(environ, "JUPYTERHUB_SERVICE_PREFIX", "run this as a service")),
            base_url=_folder(environ.get("JUPYTERHUB_BASE_URL") or "/"),
        )


def _address(url: str, scheme: str) -> tuple[str, int]:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme != scheme or parts.hostname is None or port is None:
        raise SettingsError(f"JUPYTERHUB_SERVICE_URL={url}: write {scheme}://ADDRESS:PORT")
    return parts.hostname, port


def _required(environ: Mapping[str, str], name: str, advice: str) -> str:
    value = environ.get(name)
    if not value:
        raise SettingsError(f"{name} is not set: {advice}")
    return value


def _folder(path: str) -> str:
    return path if path.endswith("/") else f"{path}/"
