"""TLS for ldap3 that verifies: ldap3's own neither checks certificates by default nor sends a server name."""

import ipaddress
import socket
import ssl
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ldap3 import Connection, Tls

from authenticator.errors import Unavailable
from authenticator.workers import Deadline

__all__ = ["Endpoint", "VerifiedTls", "client_context"]

FAIR = 1.0  # seconds in which a server should answer
DEFAULT_PORTS = {"ldaps": 636, "ldap": 389}


class Endpoint:
    """One directory server, parsed from its URI.

    ``ldaps://`` speaks TLS from the first byte, ``ldap://`` changes to it (StartTLS) before anything is said.
    """

    def __init__(self, uri: str) -> None:
        parts = urlsplit(uri)
        if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
            raise ValueError(f"{uri!r} is not a server: write ldaps://HOST[:PORT], or ldap:// for StartTLS")
        if parts.username or parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError(f"{uri!r} has more than a host and a port")
        self.host = parts.hostname
        self.ldaps = parts.scheme == "ldaps"
        self.port = parts.port or DEFAULT_PORTS[parts.scheme]

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'ldaps' if self.ldaps else 'ldap'}://{host}:{self.port}"

    @property
    def loopback(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def client_context(ca_file: Path) -> ssl.SSLContext:
    """Return a context that trusts the authorities in this file (PEM) alone, and checks host names."""
    context = ssl.create_default_context(cafile=str(ca_file))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False  # RFC 9525 §2: only a subjectAltName names a host
    context.sslsocket_class = _Patient
    return context


class _Patient(ssl.SSLSocket):
    """Reads until a deadline, also from a server that sends a byte now and then."""

    deadline: Deadline | None = None
    most: int = 0
    asked: float = 0.0

    def sendall(self, data: Any, flags: int = 0) -> None:
        self.asked = time.monotonic()
        super().sendall(data, flags)

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        if self.deadline is not None:
            try:
                self.settimeout(self.deadline.limit(self.most))
            except Unavailable as error:
                if time.monotonic() - self.asked < FAIR:
                    raise  # we asked too late: nothing is wrong with the server
                raise TimeoutError(error.detail) from None
        return super().recv(buflen, flags)


class VerifiedTls(Tls):  # type: ignore[misc, unused-ignore]
    """Wraps ldap3's socket with a context of our own; there is no way to switch the checks off."""

    def __init__(self, context: ssl.SSLContext, host: str, deadline: Deadline) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._context = context
        self._host = host
        self._deadline = deadline

    def wrap_socket(self, connection: Connection, do_handshake: bool = False) -> None:  # noqa: FBT001, FBT002
        """Shake hands now, whatever ldap3 says: nothing may be sent before the certificate is checked."""
        # The end of the handshake and the first request are two small packets: unless told otherwise, TCP
        # keeps the second back until the first is acknowledged, which takes 40 ms.
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.socket.settimeout(self._deadline.limit(connection.receive_timeout))
        wrapped = self._context.wrap_socket(connection.socket, server_hostname=self._host)
        if isinstance(wrapped, _Patient):
            wrapped.deadline, wrapped.most = self._deadline, connection.receive_timeout
        connection.socket = wrapped
