"""People as the service account sees them: without a password, one or many."""

from collections.abc import Iterator, Sequence
from typing import Final

from authenticator.directory import ldap
from authenticator.directory.groups import any_of, chunks, groups_of
from authenticator.directory.people import Account, find
from authenticator.directory.settings import DirectorySettings
from authenticator.directory.status import ATTRIBUTES, disabled
from authenticator.directory.sweep import Sweep
from authenticator.errors import Refused
from authenticator.workers import Deadline

__all__ = ["attributes_of_people", "look_up", "look_up_many"]

# From about so many people on, reading all groups once takes less time than asking for everybody's.
SWEEP_FROM: Final = 25


def attributes_of_people(settings: DirectorySettings) -> tuple[str, ...]:
    """Return what is asked for besides the name: what may switch an account off, and memberOf where set."""
    own = settings.member_of_attribute
    return (*ATTRIBUTES, own) if own else ATTRIBUTES


def look_up(link: ldap.Connection, settings: DirectorySettings, name: str, now: float) -> Account | None:
    """Return the account called `name`; None where there is none that could log in.

    Raises
    ------
    ldap.NoAnswer
        This server cannot tell.
    """
    entry = _entry(link, settings, name)
    if entry is None:
        return None
    groups = groups_of(link, settings, name, entry)
    return Account(name, entry.dn, groups, disabled(entry.attributes, now))


def look_up_many(
    link: ldap.Connection, settings: DirectorySettings, names: Sequence[str], now: float, deadline: Deadline
) -> dict[str, Account | None]:
    """Return the account of each name, in few searches: one for 50 people, and one for all groups."""
    accounts: dict[str, Account | None] = dict.fromkeys(names)
    entries = dict(_entries(link, settings, list(accounts), deadline))
    sweep = Sweep.read(link, settings) if settings.group_base and len(entries) >= SWEEP_FROM else None
    for name, entry in entries.items():
        groups = sweep.groups_of(name, entry) if sweep else None
        if groups is None:
            deadline.limit(1)
            groups = groups_of(link, settings, name, entry)
        accounts[name] = Account(name, entry.dn, groups, disabled(entry.attributes, now))
    return accounts


def _entry(link: ldap.Connection, settings: DirectorySettings, name: str) -> ldap.Entry | None:
    try:
        return find(link, settings, name, attributes_of_people(settings))
    except Refused:
        return None


def _entries(
    link: ldap.Connection, settings: DirectorySettings, names: Sequence[str], deadline: Deadline
) -> Iterator[tuple[str, ldap.Entry]]:
    """Yield those names that are one entry's, with the entry."""
    for some in chunks(names, 1 if settings.user_dn_template else 50):
        deadline.limit(1)
        if len(some) == 1:
            entry = _entry(link, settings, some[0])
            found = {some[0]: [entry] if entry else []}
        else:
            found = _found(link, settings, some)
        yield from ((name, entries[0]) for name, entries in found.items() if len(entries) == 1)


def _found(
    link: ldap.Connection, settings: DirectorySettings, names: Sequence[str]
) -> dict[str, list[ldap.Entry]]:
    """Return all entries of each name, found in one search."""
    own = settings.user_name_attribute
    filters = [settings.user_filter.format(username=ldap.escaped(name)) for name in names]
    wanted = (own, *attributes_of_people(settings))
    code, entries = ldap.search(link, settings.user_base, any_of(filters), ldap.SUBTREE, wanted)
    if code != ldap.SUCCESS:
        raise ldap.useless(code, f"the search for people below {settings.user_base} ended with {code}")
    found: dict[str, list[ldap.Entry]] = {name: [] for name in names}
    for entry in entries:
        for name in {text.lower() for text in entry.texts(own)} & found.keys():
            found[name].append(entry)
    return found
