"""The directory's servers, asked in order until one answers the service account."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from authenticator.directory import ldap
from authenticator.directory.breaker import LONGEST_PAUSE, Breaker, Turn
from authenticator.directory.settings import DirectorySettings
from authenticator.directory.tls import Endpoint, VerifiedTls
from authenticator.errors import Refused, Unavailable
from authenticator.workers import Deadline

__all__ = ["Change", "Server", "ServerState", "Servers"]

Answer = TypeVar("Answer")

# The pause between two tries when there is no other server: one login in two seconds waits for a dead
# directory, all others are told at once, and its return is noticed by whoever comes next.
PATIENCE_WITH_THE_LAST: Final = 2.0


@dataclass(frozen=True, slots=True)
class ServerState:
    """How a server is, for people; `since` is in Unix seconds, None when it never changed."""

    uri: str
    up: bool
    since: float | None
    why: str


@dataclass(frozen=True, slots=True)
class Change:
    """A server went down or came back; `others_up` is how many others answer."""

    uri: str
    up: bool
    why: str
    others_up: int
    seconds_down: float = 0.0


class Server:
    """One server, and how to connect to it."""

    def __init__(self, endpoint: Endpoint, settings: DirectorySettings) -> None:
        self.endpoint = endpoint
        self.breaker = Breaker()
        self._settings = settings

    @contextmanager
    def opened(self, dn: str, password: bytes, deadline: Deadline) -> Iterator[ldap.Connection]:
        """Open a connection, with TLS, that is ready to bind as `dn`; nothing of either is sent yet."""
        settings = self._settings
        link = ldap.connection(
            self.endpoint,
            self._tls(deadline),
            dn,
            password,
            connect_timeout=settings.connect_timeout,
            receive_timeout=settings.receive_timeout,
            deadline=deadline,
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
        if not settings.bind_dn or not settings.bind_password:
            # RFC 4513 §5.1.2: it would be an anonymous bind, and succeed.
            raise Unavailable("directory", "the service account has no name or no password")
        with self.opened(settings.bind_dn, settings.bind_password, deadline) as link:
            result = ldap.bind(link)
            if result.code != ldap.SUCCESS:
                raise ldap.NoAnswer(f"the service account cannot bind: {result.code} {result.text}")
            yield link

    def _tls(self, deadline: Deadline) -> VerifiedTls | None:
        settings = self._settings
        if settings.unencrypted and self.endpoint.loopback and not self.endpoint.ldaps:
            return None
        if settings.tls is None:
            raise Unavailable("directory", "no certificate authority is set")
        return VerifiedTls(settings.tls, self.endpoint.host, deadline)


class Servers:
    """All servers of the directory, and which of them answer.

    Parameters
    ----------
    changed
        Called with each server that goes down or comes back, in the thread that found out; it must not block.
    """

    def __init__(
        self,
        settings: DirectorySettings,
        log: logging.Logger | logging.LoggerAdapter[Any],
        changed: Callable[[Change], None] | None = None,
    ) -> None:
        self._servers: Sequence[Server] = [Server(endpoint, settings) for endpoint in settings.servers]
        self._log = log
        self._changed = changed

    def states(self) -> tuple[ServerState, ...]:
        """Return how each server is, in the order of the settings."""
        pairs = [(str(server.endpoint), server.breaker.health) for server in self._servers]
        return tuple(ServerState(uri, health.up, health.since, health.why) for uri, health in pairs)

    def ask(self, question: Callable[[Server, ldap.Connection], Answer], deadline: Deadline) -> Answer:
        """Ask the servers, connected as the service account, until one does not raise `ldap.NoAnswer`.

        Raises
        ------
        Unavailable
            None answers, or none is worth the wait at the moment: then at once.
        """
        trouble = ""
        for server in self._servers:
            deadline.limit(1)
            turn = server.breaker.admit(time.monotonic(), patience=self._patience())
            if turn is None:
                trouble = trouble or _down(server)
                continue
            try:
                with self._watched(server, turn), server.service(deadline) as link:
                    return question(server, link)
            except ldap.NoAnswer as error:
                self._log.debug("Directory server %s: %s", server.endpoint, error.detail)
                trouble = f"{server.endpoint}: {error.detail}"
        raise Unavailable("directory", trouble or "no server is set")

    def raise_if_down(self) -> None:
        """Raise `Unavailable` if no server is worth the wait at the moment; nobody is asked."""
        tick, patience = time.monotonic(), self._patience()
        if not any(server.breaker.worth_a_try(tick, patience=patience) for server in self._servers):
            raise Unavailable("directory", "; ".join(map(_down, self._servers)) or "no server is set")

    def _patience(self) -> float:
        alone = not any(server.breaker.health.up for server in self._servers)
        return PATIENCE_WITH_THE_LAST if alone else LONGEST_PAUSE

    @contextmanager
    def _watched(self, server: Server, turn: Turn) -> Iterator[None]:
        """Tell the breaker how it ended."""
        try:
            yield
        except (Refused, ldap.Unhelpful):
            self._is_up(server, turn)
            raise
        except (ldap.NoAnswer, ldap.Unanswered) as error:
            self._is_down(server, turn, error.detail)
            raise
        except BaseException:
            # Such as a deadline that passed between two answers: it was short, or the question was long.
            server.breaker.abandoned(turn)
            raise
        self._is_up(server, turn)

    def _is_up(self, server: Server, turn: Turn) -> None:
        before = server.breaker.succeeded(turn, time.time())
        if before is not None:
            seconds = time.time() - (before.since or 0.0)
            self._log.info("Directory server %s answers again after %.0f s", server.endpoint, seconds)
            self._tell(server, up=True, why=before.why, seconds_down=seconds)

    def _is_down(self, server: Server, turn: Turn, why: str) -> None:
        if server.breaker.failed(turn, time.monotonic(), time.time(), why):
            self._log.warning(
                "Directory server %s is down: %s (hpchub doctor says what to do)", server.endpoint, why
            )
            self._tell(server, up=False, why=why)

    def _tell(self, server: Server, *, up: bool, why: str, seconds_down: float = 0.0) -> None:
        if self._changed is not None:
            others = sum(each.breaker.health.up for each in self._servers if each is not server)
            self._changed(Change(str(server.endpoint), up, why, others, seconds_down))


def _down(server: Server) -> str:
    return f"{server.endpoint} is down: {server.breaker.health.why}"
