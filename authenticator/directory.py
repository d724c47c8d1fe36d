"""The LDAP directory: find a person, check the password with one bind, read the groups.

Every check opens connections of its own, in the thread that calls, and closes them.
"""

import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from ldap3 import BASE, SUBTREE, Connection
from ldap3.utils.conv import escape_filter_chars

from authenticator import ldap
from authenticator.errors import Refused, Unavailable
from authenticator.tls import Endpoint, VerifiedTls
from authenticator.workers import Deadline

__all__ = ["Directory", "DirectorySettings", "Person"]

SUCCESS: Final = 0
SIZE_LIMIT: Final = 4
NO_SUCH_OBJECT: Final = 32
# What a server answers when it knows who is asking and says no: 49 wrong password (or locked: OpenLDAP's
# ppolicy and Active Directory say the same), the others are rules about the account.
REFUSALS: Final = {49: "password", 19: "policy", 48: "policy", 50: "policy", 53: "policy"}


@dataclass(frozen=True, slots=True)
class Person:
    """Who the directory says this is."""

    name: str
    dn: str
    groups: frozenset[str]


@dataclass(frozen=True, slots=True)
class DirectorySettings:
    """Where the directory is and how people and groups are found in it."""

    servers: tuple[Endpoint, ...]
    tls: ssl.SSLContext | None
    unencrypted: bool  # ldap:// without StartTLS; only ever on loopback
    bind_dn: str
    bind_password: bytes = field(repr=False)
    user_base: str
    user_dn_template: str
    user_filter: str
    user_name_attribute: str
    group_base: str
    group_filter: str
    group_name_attribute: str
    connect_timeout: int
    receive_timeout: int


class Directory:
    """Checks passwords and reads groups."""

    def __init__(self, settings: DirectorySettings, log: logging.Logger | logging.LoggerAdapter[Any]) -> None:
        self._settings = settings
        self._log = log

    def check(self, name: str, password: bytes, deadline: Deadline) -> Person:
        """Return the person called `name` if this is the password.

        Servers are tried in order until one answers the service account; the password is then sent to that
        one, once.

        Raises
        ------
        Refused
            The directory says no.
        Unavailable
            No server answers, or not in a way we can rely on.
        """
        if not password:
            raise Refused("password", "an empty password would be an anonymous bind")
        trouble = Unavailable("directory", "no server is set")
        for endpoint in self._settings.servers:
            try:
                with self._service(endpoint, deadline) as link:
                    dn = self._find_or_next(link, name)
                    self._prove(endpoint, dn, password, deadline)
                    return Person(name, dn, self._groups(link, name, dn))
            except _NextServer as reason:
                self._log.warning("Directory server %s: %s", endpoint, reason.detail)
                trouble = Unavailable("directory", reason.detail)
        raise trouble

    @contextmanager
    def _service(self, endpoint: Endpoint, deadline: Deadline) -> Iterator[Connection]:
        """Connect as the service account; only here may another server be tried instead."""
        settings = self._settings
        with self._connected(endpoint, settings.bind_dn, settings.bind_password, deadline) as link:
            try:
                code, text = ldap.bind(link)
            except Unavailable as error:
                raise _NextServer(error.reason, error.detail) from None
            if code != SUCCESS:
                raise _NextServer("directory", f"the service account cannot bind: {code} {text}")
            yield link

    def _prove(self, endpoint: Endpoint, dn: str, password: bytes, deadline: Deadline) -> None:
        with self._connected(endpoint, dn, password, deadline) as link:
            code, text = ldap.bind(link)
        if code in REFUSALS:
            raise Refused(REFUSALS[code], f"{code} {text}")
        if code != SUCCESS:
            raise Unavailable("directory", f"{endpoint} answered the bind with {code} {text}")

    @contextmanager
    def _connected(
        self, endpoint: Endpoint, dn: str, password: bytes, deadline: Deadline
    ) -> Iterator[Connection]:
        link = self._link(endpoint, dn, password, deadline)
        try:
            yield link
        finally:
            ldap.close(link)

    def _link(self, endpoint: Endpoint, dn: str, password: bytes, deadline: Deadline) -> Connection:
        settings = self._settings
        return ldap.connection(
            endpoint,
            self._tls(endpoint),
            dn,
            password,
            connect_timeout=deadline.limit(settings.connect_timeout),
            receive_timeout=deadline.limit(settings.receive_timeout),
        )

    def _tls(self, endpoint: Endpoint) -> VerifiedTls | None:
        settings = self._settings
        if settings.unencrypted and endpoint.loopback and not endpoint.ldaps:
            return None
        if settings.tls is None:
            raise Unavailable("directory", "no certificate authority is set")
        return VerifiedTls(settings.tls, endpoint.host)

    def _find_or_next(self, link: Connection, name: str) -> str:
        try:
            return self._find(link, name)
        except Unavailable as error:
            raise _NextServer(error.reason, error.detail) from None

    def _find(self, link: Connection, name: str) -> str:
        """Return the distinguished name of the one entry whose own name is `name`."""
        settings = self._settings
        where = settings.user_dn_template.format(username=name) or settings.user_base
        scope = BASE if settings.user_dn_template else SUBTREE
        filter_ = settings.user_filter.format(username=escape_filter_chars(name))
        code, entries = ldap.search(link, where, filter_, scope, settings.user_name_attribute, limit=2)
        if code == NO_SUCH_OBJECT and settings.user_dn_template:
            raise Refused("unknown_user")
        if code not in {SUCCESS, SIZE_LIMIT}:
            raise Unavailable("directory", f"the search for people below {where} ended with {code}")
        if not entries:
            raise Refused("unknown_user")
        if len(entries) > 1:
            raise Refused("ambiguous_user", "the directory has more than one entry of this name")
        dn, names = entries[0]
        if not dn or name not in {each.lower() for each in names}:
            raise Refused("ambiguous_user", "the entry found has another name")
        return dn

    def _groups(self, link: Connection, name: str, dn: str) -> frozenset[str]:
        settings = self._settings
        if not settings.group_base:
            return frozenset()
        filter_ = settings.group_filter.format(username=escape_filter_chars(name), dn=escape_filter_chars(dn))
        attribute = settings.group_name_attribute
        code, entries = ldap.search(link, settings.group_base, filter_, SUBTREE, attribute)
        if code != SUCCESS:
            # Some groups are worse than none: a group may be what keeps somebody out of a queue.
            raise Unavailable("directory", f"the search for groups ended with {code}")
        return frozenset(group for _dn, names in entries for group in names)


class _NextServer(Unavailable):
    """A server of no use, and the user's password has not been sent yet."""
