"""Which groups somebody is in, as the service account sees them.

Some groups are worse than none: a group may be what keeps somebody out. So whatever may be incomplete is no
answer.

Groups come from two places: `group_filter` finds those that name the person (member, uniqueMember,
memberUid), and the person's own memberOf, where it is set, names some. Groups that these are members of are
found with the same filter, one search a level for all of them together. Active Directory can do that itself,
with ``(member:1.2.840.113556.1.4.1941:={dn})`` in the filter; the depth may be 0 then.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeVar

from authenticator.directory import ldap
from authenticator.directory.names import Name, below, first_value, normal
from authenticator.directory.settings import DirectorySettings

__all__ = ["any_of", "chunks", "groups_of", "is_part", "own_groups"]

Item = TypeVar("Item")

# How many conditions go into one filter: some ten kilobytes.
CHUNK: Final = 50


def groups_of(
    link: ldap.Connection, settings: DirectorySettings, name: str, entry: ldap.Entry
) -> frozenset[str]:
    """Return the names of the groups of `entry`, who is called `name`.

    Raises
    ------
    ldap.NoAnswer
        This server cannot tell all of them.
    """
    if not settings.group_base:
        return frozenset()
    found = own_groups(settings, entry)
    found |= _groups_with(link, settings, [(name, entry.dn)])
    latest = list(found.values())
    for _level in range(settings.nested_group_depth):
        if not latest:
            break
        above = _groups_with(link, settings, [(group.dn, group.dn) for group in latest])
        latest = [group for key, group in above.items() if key not in found]
        found |= above
    attribute = settings.group_name_attribute
    return frozenset(text for group in found.values() for text in group.texts(attribute))


def own_groups(settings: DirectorySettings, entry: ldap.Entry) -> dict[Name, ldap.Entry]:
    """Return the groups that the person's entry names (memberOf), as far as they lie where groups are.

    A group elsewhere does not count, whatever it is called: who may make groups there is another question.

    Raises
    ------
    ldap.NoAnswer
        They are not all there, or a group's name in the hub cannot be told from its distinguished name.
    """
    own = settings.member_of_attribute
    if not own:
        return {}
    if is_part(entry, own):
        raise ldap.Unhelpful(f"the server sent only some of the values of {own}")
    base, attribute, found = normal(settings.group_base), settings.group_name_attribute, {}
    for dn in entry.texts(own):
        if below(normal(dn), base):
            name = first_value(dn, attribute)
            if name is None:
                raise ldap.Unhelpful(f"{own} has a group whose name has no {attribute}")
            found[normal(dn)] = ldap.Entry(dn, {attribute.lower(): (name.encode(),)})
    return found


def is_part(entry: ldap.Entry, attribute: str) -> bool:
    """Tell whether Active Directory sent only some of an attribute's values.

    From 1,500 on it does, under a name like "member;range=0-1499" ([MS-ADTS] 3.1.1.3.1.3.3).
    """
    return any(name.startswith(f"{attribute.lower()};range=") for name in entry.attributes)


def _groups_with(
    link: ldap.Connection, settings: DirectorySettings, members: Sequence[tuple[str, str]]
) -> dict[Name, ldap.Entry]:
    """Return the groups that have one of these as a member; each is a name and a distinguished name."""
    if not settings.group_filter:
        return {}
    found: dict[Name, ldap.Entry] = {}
    filters = (
        settings.group_filter.format(username=ldap.escaped(name), dn=ldap.escaped(dn)) for name, dn in members
    )
    for some in chunks(filters):
        code, groups = ldap.search(
            link, settings.group_base, any_of(some), ldap.SUBTREE, (settings.group_name_attribute,)
        )
        if code != ldap.SUCCESS:
            raise ldap.useless(code, f"the search for groups ended with {code}")
        found |= {normal(group.dn): group for group in groups}
    return found


def any_of(filters: Sequence[str]) -> str:
    """Return a filter that is met where one of these is."""
    return filters[0] if len(filters) == 1 else f"(|{''.join(filters)})"


def chunks(items: Iterable[Item], size: int = CHUNK) -> Iterator[Sequence[Item]]:
    """Yield the items in lists of at most `size`."""
    some: list[Item] = []
    for item in items:
        some.append(item)
        if len(some) == size:
            yield some
            some = []
    if some:
        yield some
