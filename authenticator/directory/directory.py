"""`Directory`: what the rest of the house asks the directory."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from authenticator.directory import ldap
from authenticator.directory.bind import prove
from authenticator.directory.groups import groups_of
from authenticator.directory.lookups import attributes_of_people, look_up, look_up_many
from authenticator.directory.people import Account, Person, find
from authenticator.directory.policy import Decision
from authenticator.directory.servers import Change, Server, Servers, ServerState
from authenticator.directory.settings import DirectorySettings
from authenticator.directory.status import disabled
from authenticator.errors import Refused
from authenticator.workers import Deadline

__all__ = ["Directory"]


class Directory:
    """Checks passwords and reads groups.

    Every check opens connections of its own, in the thread that calls, and closes them.

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
        self._settings = settings
        self._servers = Servers(settings, log, changed)

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
                entry = find(link, settings, name, attributes_of_people(settings))
                with _unless_disabled(entry):
                    proved.append((entry, prove(server, entry.dn, password, deadline, controls)))
            entry, decision = proved[0]
            groups = groups_of(link, settings, name, entry)
            return Person(name, entry.dn, groups, decision.password_expires_in, decision.grace_logins)

        return self._servers.ask(question, deadline)

    def look_up(self, name: str, deadline: Deadline) -> Account | None:
        """Return the account called `name`, without a password; None where there is none that could log in.

        Raises
        ------
        Unavailable
            No server answers, or not in a way we can rely on.
        """
        return self._servers.ask(
            lambda _server, link: look_up(link, self._settings, name, time.time()), deadline
        )

    def look_up_many(self, names: Iterable[str], deadline: Deadline) -> dict[str, Account | None]:
        """Return the account of each name, in few searches; all of them, or `Unavailable`."""
        wanted = tuple(names)
        return self._servers.ask(
            lambda _server, link: look_up_many(link, self._settings, wanted, time.time(), deadline), deadline
        )

    def states(self) -> tuple[ServerState, ...]:
        """Return how each server is, in the order of the settings; asks nobody."""
        return self._servers.states()

    def raise_if_down(self) -> None:
        """Raise `Unavailable` if `check` would now do so without asking anybody; asks nobody itself.

        To be called before a one-time password is used up.
        """
        self._servers.raise_if_down()


@contextmanager
def _unless_disabled(entry: ldap.Entry) -> Iterator[None]:
    """Refuse an account that is switched off, whatever the server says of its password."""
    why = disabled(entry.attributes, time.time())
    try:
        yield
    except Refused as refusal:
        if why:
            raise Refused("disabled", f"{why}; {refusal.detail}") from None
        raise
    if why:
        raise Refused("disabled", f"{why}; the server let the bind pass")
