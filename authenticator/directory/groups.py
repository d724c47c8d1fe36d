"""Which groups somebody is in, as the service account sees them."""

from authenticator.directory import ldap
from authenticator.directory.settings import DirectorySettings

__all__ = ["groups_of"]


def groups_of(
    link: ldap.Connection, settings: DirectorySettings, name: str, entry: ldap.Entry
) -> frozenset[str]:
    """Return the names of the groups of `entry`, who is called `name`.

    Raises
    ------
    ldap.NoAnswer
        The search failed. Some groups are worse than none: a group may be what keeps somebody out of a queue.
    """
    if not settings.group_base:
        return frozenset()
    filter_ = settings.group_filter.format(username=ldap.escaped(name), dn=ldap.escaped(entry.dn))
    attribute = settings.group_name_attribute
    code, entries = ldap.search(link, settings.group_base, filter_, ldap.SUBTREE, (attribute,))
    if code != ldap.SUCCESS:
        raise ldap.NoAnswer(f"the search for groups ended with {code}")
    return frozenset(group for each in entries for group in each.texts(attribute))
