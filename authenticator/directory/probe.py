"""One server of the directory, step by step, for `hpchub doctor`."""

import datetime
import re
import socket
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any, Final, TypeAlias

from authenticator.directory import ldap
from authenticator.directory.handshake import HandshakeError, shake_hands
from authenticator.directory.people import find
from authenticator.directory.servers import Server
from authenticator.directory.settings import DirectorySettings
from authenticator.directory.tls import Endpoint
from authenticator.errors import Refused, Unavailable
from authenticator.workers import Deadline
from hpchub.findings import Finding, Level

__all__ = ["probe"]

AREA: Final = "directory"
PATIENCE: Final = 30  # seconds for all steps that speak LDAP
RENEW_DAYS: Final = 30
# Of a code's 30 seconds; the directory's clock is only a witness, but mostly a good one.
CLOCK_WARNING, CLOCK_FAULT = 5, 20
BAD_CREDENTIALS: Final = 49

# Where servers show their clock: Active Directory, OpenLDAP's monitor, 389 Directory Server.
CLOCKS: Final = (
    ("", "currentTime"),
    ("cn=Current,cn=Time,cn=Monitor", "monitorTimestamp"),
    ("cn=monitor", "currenttime"),
)
_TIME: Final = re.compile(r"(\d{14})(?:[.,]\d+)?Z")

# A step yields what it finds, and returns whether the next makes sense.
Step: TypeAlias = Generator[Finding, None, bool]


def probe(
    endpoint: Endpoint,
    settings: DirectorySettings,
    *,
    sample: str = "",
    clock: Callable[[], float] = time.time,
) -> Iterator[Finding]:
    """Yield what is found, until a step fails that the next ones need.

    Parameters
    ----------
    sample
        Name of somebody who should be found; empty: nobody is looked for.
    clock
        This machine's, in Unix seconds.
    """
    yield from _Probe(endpoint, settings, sample, clock).findings()


class _Probe:
    def __init__(
        self, endpoint: Endpoint, settings: DirectorySettings, sample: str, clock: Callable[[], float]
    ) -> None:
        self._endpoint = endpoint
        self._settings = settings
        self._sample = sample
        self._clock = clock
        self._addresses: list[Any] = []

    def findings(self) -> Iterator[Finding]:
        try:
            if (yield from self._name()) and (yield from self._connection()) and (yield from self._tls()):
                yield from self._ldap()
        except Unavailable as error:
            yield self._fault("answer", error.detail, "look at the server's own log")

    def _found(self, check: str, level: Level, seen: str, do: str = "") -> Finding:
        return Finding(AREA, f"{self._endpoint} {check}", level, seen, do)

    def _good(self, check: str, seen: str) -> Finding:
        return self._found(check, Level.OK, seen)

    def _fault(self, check: str, seen: str, do: str) -> Finding:
        return self._found(check, Level.FAULT, seen, do)

    # ----- the way there --------------------------------------------------------------------

    def _name(self) -> Step:
        host, port = self._endpoint.host, self._endpoint.port
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            seen = f"{host} has no address: {getattr(error, 'strerror', None) or type(error).__name__}"
            yield self._fault("name", seen, "correct server_uris, or this machine's resolver")
            return False
        self._addresses = list(dict.fromkeys(entry[4] for entry in found))
        yield self._good("name", ", ".join(address[0] for address in self._addresses))
        return True

    def _connection(self) -> Step:
        reached, troubles = [], []
        for address in self._addresses:
            try:
                with socket.create_connection(address[:2], self._settings.connect_timeout):
                    reached.append(address)
            except OSError as error:
                troubles.append(f"{address[0]}: {error.strerror or 'no answer'}")
        total, self._addresses = len(self._addresses), reached
        do = "is the server running, and does a firewall let this machine through?"
        if not reached:
            yield self._fault("connection", "; ".join(troubles), do)
        elif troubles:
            seen = f"{len(reached)} of {total} addresses; {'; '.join(troubles)}"
            yield self._found("connection", Level.WARNING, seen, do)
        else:
            yield self._good("connection", f"port {self._endpoint.port} is open")
        return bool(reached)

    def _tls(self) -> Step:
        settings = self._settings
        if settings.unencrypted and self._endpoint.loopback and not self._endpoint.ldaps:
            do = "for experiments only: unset unencrypted"
            yield self._found("TLS", Level.WARNING, "none, as unencrypted is set", do)
            return True
        if settings.tls is None:
            yield self._fault("TLS", "ca_file is not set", "name the authority of the servers in ca_file")
            return False
        try:
            peer = shake_hands(self._endpoint, self._addresses[0], settings.tls, settings.receive_timeout)
        except HandshakeError as error:
            yield self._fault("TLS", error.why, error.do)
            return False
        yield self._good("TLS", f"{peer.version}, {peer}")
        days = (peer.ends.timestamp() - self._clock()) / 86400
        if days < RENEW_DAYS:
            do = "renew it now: after that day nobody can log in"
            yield self._found("certificate", Level.WARNING, f"it ends in {days:.0f} days", do)
        return True

    # ----- what it answers ------------------------------------------------------------------

    def _ldap(self) -> Iterator[Finding]:
        settings, deadline = self._settings, Deadline(PATIENCE)
        server = Server(self._endpoint, settings)
        with server.opened(settings.bind_dn, settings.bind_password, deadline) as link:
            if not settings.bind_dn or not settings.bind_password:
                do = "set bind_dn and bind_password_file"
                yield self._fault("service account", "it has no name or no password", do)
                return
            result = ldap.bind(link)
            if result.code != ldap.SUCCESS:
                do = "look at the account in the directory"
                if result.code == BAD_CREDENTIALS:
                    do = "bind_dn or the password in bind_password_file is wrong, or the account is locked"
                yield self._fault("service account", f"cannot bind: {result.code} {result.text}", do)
                return
            yield self._good("service account", f"{settings.bind_dn} can bind")
            yield from self._bases(link)
            yield from self._person(link)
            yield self._time(link)

    def _bases(self, link: ldap.Connection) -> Iterator[Finding]:
        bases = [("people", self._settings.user_base, "user_search_base")]
        bases += [("groups", self._settings.group_base, "group_search_base")]
        for what, base, setting in bases:
            if not base:
                continue
            code, entries = ldap.search(link, base, "(objectClass=*)", ldap.BASE, ("objectClass",))
            if code == ldap.SUCCESS and entries:
                yield self._good(what, f"{base} is there")
            else:
                do = f"correct {setting}, or let the service account read it"
                yield self._fault(what, f"{base} cannot be read (result {code})", do)

    def _person(self, link: ldap.Connection) -> Iterator[Finding]:
        if not self._sample:
            return
        check = f"user {self._sample}"
        do = "correct user_filter and user_name_attribute, or let the service account read these attributes"
        try:
            entry = find(link, self._settings, self._sample)
        except Refused as refusal:
            seen = "nobody is found" if refusal.reason == "unknown_user" else refusal.detail
            yield self._fault(check, seen, do)
        except ldap.NoAnswer as error:
            yield self._fault(check, error.detail, do)
        else:
            yield self._good(check, f"one entry, {entry.dn}")

    def _time(self, link: ldap.Connection) -> Finding:
        theirs = _clock_of(link)
        if theirs is None:
            return self._good("clock", "cannot tell: the server does not show the service account its clock")
        seconds = self._clock() - theirs
        seen = f"this machine is {abs(seconds):.0f} s {'ahead' if seconds > 0 else 'behind'} of the directory"
        do = "set both by NTP; one-time passwords of the users' phones follow the true time"
        if abs(seconds) < CLOCK_WARNING:
            return self._good("clock", f"within {CLOCK_WARNING} s of the directory's")
        return self._found("clock", Level.WARNING if abs(seconds) < CLOCK_FAULT else Level.FAULT, seen, do)


def _clock_of(link: ldap.Connection) -> float | None:
    for base, attribute in CLOCKS:
        try:
            code, entries = ldap.search(link, base, "(objectClass=*)", ldap.BASE, (attribute,))
        except ldap.NoAnswer:
            return None
        texts = entries[0].texts(attribute) if code == ldap.SUCCESS and entries else []
        if texts and (match := _TIME.fullmatch(texts[0])):
            moment = datetime.datetime.strptime(match[1], "%Y%m%d%H%M%S")
            return moment.replace(tzinfo=datetime.UTC).timestamp()
    return None
