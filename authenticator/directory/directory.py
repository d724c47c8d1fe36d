"""`Directory`: what the rest of the house asks the directory."""

import logging
from collections.abc import Sequence
from typing import Any

from authenticator.directory import ldap
from authenticator.directory.bind import prove
from authenticator.directory.groups import groups_of
from authenticator.directory.people import Person, find
from authenticator.directory.policy import Decision
from authenticator.directory.servers import Server, Servers
from authenticator.directory.settings import DirectorySettings
from authenticator.errors import Refused
from authenticator.workers import Deadline

__all__ = ["Directory"]


class Directory:
    """Checks passwords and reads groups.

    Every check opens connections of its own, in the thread that calls, and closes them.
    """

    def __init__(self, settings: DirectorySettings, log: logging.Logger | logging.LoggerAdapter[Any]) -> None:
        self._settings = settings
        self._servers = Servers(settings, log)

    def check(
        self, name: str, password: bytes, deadline: Deadline, controls: Sequence[ldap.Control] = ()
    ) -> Person:
        """Return the person called `name` if this is the password.

        The password is sent to one server, once; finding the person before and reading the groups after may
        take another server.

        Raises
        ------
        Refused
            The directory says no.
        Unavailable
            No server answers, or not in a way we can rely on.
        """
        if not password:
            raise Refused("password", "an empty password would be an anonymous bind")
        settings = self._settings
        proved: list[tuple[ldap.Entry, Decision]] = []

        def question(server: Server, link: ldap.Connection) -> Person:
            if not proved:
                entry = find(link, settings, name)
                proved.append((entry, prove(server, entry.dn, password, deadline, controls)))
            entry, decision = proved[0]
            groups = groups_of(link, settings, name, entry)
            return Person(name, entry.dn, groups, decision.password_expires_in, decision.grace_logins)

        return self._servers.ask(question, deadline)
