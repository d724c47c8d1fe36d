"""Where the directory is, and how people and groups are found in it."""

import ssl
from dataclasses import dataclass, field

from authenticator.directory.tls import Endpoint

__all__ = ["DirectorySettings"]


@dataclass(frozen=True, slots=True)
class DirectorySettings:
    """What `Directory` needs to know; the settings of the authenticator say what each is."""

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
    member_of_attribute: str = ""
    nested_group_depth: int = 8
