"""One entry of the directory for one name."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from authenticator.directory import ldap
from authenticator.directory.settings import DirectorySettings
from authenticator.errors import Refused

__all__ = ["Account", "Person", "find"]

NO_SUCH_OBJECT: Final = 32
SIZE_LIMIT: Final = 4


@dataclass(frozen=True, slots=True)
class Person:
    """Who the directory says this is, now that the password is proved.

    Parameters
    ----------
    password_expires_in
        Seconds; None when the directory says nothing of it.
    grace_logins
        How often an expired password may still be used; None when the directory says nothing of it.
    """

    name: str
    dn: str
    groups: frozenset[str]
    password_expires_in: int | None = None
    grace_logins: int | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody as the service account sees them; `disabled` is empty, or one word why."""

    name: str
    dn: str
    groups: frozenset[str]
    disabled: str = ""


def find(
    link: ldap.Connection, settings: DirectorySettings, name: str, attributes: Sequence[str] = ()
) -> ldap.Entry:
    """Return the one entry whose own name is `name`, with these attributes and the name's.

    Raises
    ------
    Refused
        There is none, or more than one, or it is called otherwise.
    ldap.NoAnswer
        This server cannot tell.
    """
    if not name:
        raise Refused("unknown_user", "nobody has an empty name")
    template = settings.user_dn_template
    where = template.format(username=_in_a_name(name)) or settings.user_base
    scope = ldap.BASE if template else ldap.SUBTREE
    filter_ = settings.user_filter.format(username=ldap.escaped(name))
    wanted = (settings.user_name_attribute, *attributes)
    code, entries = ldap.search(link, where, filter_, scope, wanted, limit=2)
    if code == NO_SUCH_OBJECT and template:
        raise Refused("unknown_user")
    if code not in {ldap.SUCCESS, SIZE_LIMIT}:
        raise ldap.useless(code, f"the search for people below {where} ended with {code}")
    if not entries:
        raise Refused("unknown_user")
    if len(entries) > 1 or code == SIZE_LIMIT:
        raise Refused("ambiguous_user", "the directory has more than one entry of this name")
    entry = entries[0]
    if not entry.dn or name not in {each.lower() for each in entry.texts(settings.user_name_attribute)}:
        raise Refused("ambiguous_user", "the entry found has another name")
    return entry


def _in_a_name(value: str) -> str:
    """Escape a value for a distinguished name (RFC 4514 §2.4): all but the plainest bytes, as hex pairs."""
    return re.sub(rb"[^A-Za-z0-9._-]", lambda found: b"\\%02x" % found[0][0], value.encode()).decode()
