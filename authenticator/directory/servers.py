"""The directory's servers: tried in order, until one answers the service account."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from authenticator.directory import ldap
from authenticator.directory.settings import DirectorySettings
from authenticator.directory.tls import Endpoint, VerifiedTls
from authenticator.errors import Unavailable
from authenticator.workers import Deadline

__all__ = ["Server", "Servers"]

Answer = TypeVar("Answer")


class Server:
    """One server, and how to connect to it."""

    def __init__(self, endpoint: Endpoint, settings: DirectorySettings) -> None:
        self.endpoint = endpoint
        self._settings = settings

    @contextmanager
    def opened(self, dn: str, password: bytes, deadline: Deadline) -> Iterator[ldap.Connection]:
        """Open a connection, with TLS, that is ready to bind as `dn`; nothing of either is sent yet."""
        settings = self._settings
        link = ldap.connection(
            self.endpoint,
            self._tls(),
            dn,
            password,
            connect_timeout=deadline.limit(settings.connect_timeout),
            receive_timeout=deadline.limit(settings.receive_timeout),
        )
        try:
            ldap.connect(link)
            yield link
        finally:
            ldap.close(link)

    @contextmanager
    def service(self, deadline: Deadline) -> Iterator[ldap.Connection]:
        """Connect as the service account."""
        settings = self._settings
        with self.opened(settings.bind_dn, settings.bind_password, deadline) as link:
            result = ldap.bind(link)
            if result.code != ldap.SUCCESS:
                raise ldap.NoAnswer(f"the service account cannot bind: {result.code} {result.text}")
            yield link

    def _tls(self) -> VerifiedTls | None:
        settings = self._settings
        if settings.unencrypted and self.endpoint.loopback and not self.endpoint.ldaps:
            return None
        if settings.tls is None:
            raise Unavailable("directory", "no certificate authority is set")
        return VerifiedTls(settings.tls, self.endpoint.host)


class Servers:
    """All servers of the directory."""

    def __init__(self, settings: DirectorySettings, log: logging.Logger | logging.LoggerAdapter[Any]) -> None:
        self._servers: Sequence[Server] = [Server(endpoint, settings) for endpoint in settings.servers]
        self._log = log

    def ask(self, question: Callable[[Server, ldap.Connection], Answer], deadline: Deadline) -> Answer:
        """Ask the servers, connected as the service account, until one does not raise `ldap.NoAnswer`."""
        trouble = Unavailable("directory", "no server is set")
        for server in self._servers:
            try:
                with server.service(deadline) as link:
                    return question(server, link)
            except ldap.NoAnswer as error:
                self._log.warning("Directory server %s: %s", server.endpoint, error.detail)
                trouble = Unavailable("directory", error.detail)
        raise trouble
