"""Who is in which group, for many people at once: all groups in one search, the rest in memory.

It answers as `groups_of` does, or not at all: when the server gives only a part, or the filter is of a kind
that only a server can apply, everybody is asked for one by one.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from authenticator.directory import ldap
from authenticator.directory.groups import is_part, own_groups
from authenticator.directory.names import Name, normal
from authenticator.directory.settings import DirectorySettings

__all__ = ["Members", "Sweep", "complete", "members_in"]

SIZE_LIMIT: Final = 4
ADMIN_LIMIT: Final = 11

_MEMBER = r"\(([A-Za-z][A-Za-z0-9-]*)=\{(username|dn)\}\)"
_MEMBERS: Final = rf"(?:{_MEMBER}|\(\|(?:{_MEMBER})+\))"
_FIXED: Final = r"(?:\([^(){}]*\))*"
# Members alone, or together with conditions that are the same for everybody.
_FILTER: Final = re.compile(rf"(?:{_MEMBERS}|\(&{_FIXED}{_MEMBERS}{_FIXED}\))")


@dataclass(frozen=True, slots=True)
class Members:
    """Attributes of a group whose values are names of users, and those with distinguished names."""

    by_name: tuple[str, ...]
    by_dn: tuple[str, ...]


def members_in(group_filter: str) -> Members | None:
    """Return the attributes that `group_filter` compares, or None when it does anything besides."""
    bare = re.sub(r"\s*([()])\s*", r"\1", group_filter)
    if not _FILTER.fullmatch(bare):
        return None
    pairs = re.findall(_MEMBER, bare)
    return Members(
        tuple(attribute.lower() for attribute, field in pairs if field == "username"),
        tuple(attribute.lower() for attribute, field in pairs if field == "dn"),
    )


class Sweep:
    """All groups of the directory, and who is in them."""

    def __init__(self, settings: DirectorySettings, members: Members, groups: Iterable[ldap.Entry]) -> None:
        self._settings = settings
        self._groups: dict[Name, ldap.Entry] = {}
        self._of_name: dict[str, list[Name]] = defaultdict(list)
        # Whether "FRY" is "fry" is for the server to say: OpenLDAP says no, Active Directory yes.
        self._spelt_otherwise: set[str] = set()
        self._of_dn: dict[Name, list[Name]] = defaultdict(list)
        for group in groups:
            key = normal(group.dn)
            self._groups[key] = group
            for attribute in members.by_name:
                for name in group.texts(attribute):
                    self._of_name[name].append(key)
                    if name != name.lower():
                        self._spelt_otherwise.add(name.lower())
            for attribute in members.by_dn:
                for dn in group.texts(attribute):
                    self._of_dn[normal(dn)].append(key)

    @classmethod
    def read(cls, link: ldap.Connection, settings: DirectorySettings) -> "Sweep | None":
        """Read all groups in one search, or return None when that would not tell all.

        Raises
        ------
        ldap.NoAnswer
            This server does not answer.
        """
        members = members_in(settings.group_filter)
        if members is None:
            return None
        wanted = (*members.by_name, *members.by_dn)
        filter_ = settings.group_filter.format(username="*", dn="*")
        code, groups = ldap.search(
            link, settings.group_base, filter_, ldap.SUBTREE, (settings.group_name_attribute, *wanted)
        )
        if code in {SIZE_LIMIT, ADMIN_LIMIT}:
            return None
        if code != ldap.SUCCESS:
            raise ldap.useless(code, f"the search for all groups ended with {code}")
        if not all(complete(group, wanted) for group in groups):
            return None
        return cls(settings, members, groups)

    def groups_of(self, name: str, entry: ldap.Entry) -> frozenset[str] | None:
        """Return the names of the groups of `entry`, who is called `name`; None when only the server can."""
        if name in self._spelt_otherwise:
            return None
        found = own_groups(self._settings, entry)
        keys = {*found, *self._of_name.get(name, ()), *self._of_dn.get(normal(entry.dn), ())}
        latest = keys
        for _level in range(self._settings.nested_group_depth):
            latest = {above for key in latest for above in self._of_dn.get(key, ())} - keys
            keys |= latest
        groups = (self._groups.get(key) or found[key] for key in keys)
        return frozenset(
            text for group in groups for text in group.texts(self._settings.group_name_attribute)
        )


def complete(group: ldap.Entry, wanted: Sequence[str]) -> bool:
    """Tell whether all members came with the group; none do where they may be compared but not read."""
    if any(is_part(group, attribute) for attribute in wanted):
        return False
    return any(group.attributes.get(attribute) for attribute in wanted)
