"""What a site can set about its directory, and the rules between these settings."""

import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jupyterhub.auth import Authenticator
from traitlets import Bool, Int, List, TraitError, Unicode, validate

from authenticator.directory import DirectorySettings
from authenticator.directory.tls import Endpoint, client_context
from authenticator.keys import private_file_problem

__all__ = ["DirectoryLoginSettings"]


class DirectoryLoginSettings(Authenticator):  # type: ignore[misc, unused-ignore]
    """The settings of `LDAPOTPAuthenticator` about the directory."""

    server_uris = List(
        Unicode(),
        help="""Directory servers, tried in this order: ldaps://HOST[:PORT], or ldap://HOST[:PORT],
        which changes to TLS (StartTLS) before anything is said.""",
    ).tag(config=True)
    ca_file = Unicode(
        help="PEM file with the certificate authority of the directory servers. No other is trusted.",
    ).tag(config=True)
    unencrypted = Bool(
        default_value=False,
        help="Talk to ldap:// servers on this very machine (loopback) without TLS. For experiments.",
    ).tag(config=True)

    bind_dn = Unicode(
        help="Name of the service account that may read people and groups, but no passwords.",
    ).tag(config=True)
    bind_password_file = Unicode(
        help="File (mode 0400 or 0600, owned by the hub's account) with the service account's password.",
    ).tag(config=True)

    user_search_base = Unicode(help="Where people are, such as ou=people,dc=hpc,dc=example.").tag(config=True)
    user_dn_template = Unicode(
        help="""Instead of a search: the name of a person's entry, such as
        uid={username},ou=people,dc=hpc,dc=example.""",
    ).tag(config=True)
    user_filter = Unicode(
        "(&(objectClass=posixAccount)(uid={username}))",
        help="LDAP filter that finds exactly one person; {username} is put in escaped.",
    ).tag(config=True)
    user_name_attribute = Unicode(
        "uid",
        help="Attribute that holds the user name. It must equal what was typed, in lower case.",
    ).tag(config=True)
    group_search_base = Unicode(help="Where groups are. Empty: people have no groups.").tag(config=True)
    group_filter = Unicode(
        "(|(memberUid={username})(member={dn})(uniqueMember={dn}))",
        help="""LDAP filter that finds a person's groups; {username} and {dn} are put in escaped. Empty: only
        what member_of_attribute names.""",
    ).tag(config=True)
    member_of_attribute = Unicode(
        help="""Attribute of a person that names groups, such as memberOf. Those below group_search_base
        count, besides the ones that group_filter finds.""",
    ).tag(config=True)
    nested_group_depth = Int(
        8,
        help="""How many levels of groups that are members of groups count. Each costs one search a login,
        until none is found. 0: only groups that name the person, or all that group_filter itself finds.""",
    ).tag(config=True)
    group_name_attribute = Unicode("cn", help="Attribute that holds a group's name.").tag(config=True)

    connect_timeout = Int(3, help="Seconds to reach a server, for each of its addresses.").tag(config=True)
    receive_timeout = Int(5, help="Seconds to wait for each answer of a server.").tag(config=True)

    @validate("server_uris")
    def _valid_servers(self, proposal: Any) -> list[str]:
        try:
            return [str(Endpoint(uri)) for uri in proposal["value"]]
        except ValueError as error:
            raise TraitError(f"server_uris: {error}") from None

    @validate("nested_group_depth")
    def _valid_depth(self, proposal: Any) -> int:
        depth = int(proposal["value"])
        if not 0 <= depth <= 32:
            raise TraitError(f"nested_group_depth is {depth}; write a number from 0 to 32")
        return depth

    @validate("user_filter", "user_dn_template", "group_filter")
    def _valid_pattern(self, proposal: Any) -> str:
        pattern, name = str(proposal["value"]), proposal["trait"].name
        known = {"username", "dn"} if name == "group_filter" else {"username"}
        try:
            fields = {field for _, field, _, _ in string.Formatter().parse(pattern) if field is not None}
        except ValueError as error:
            raise TraitError(f"{name}: {error}") from None
        if not fields <= known or (pattern and not fields):
            expected = " or ".join(f"{{{field}}}" for field in sorted(known))
            raise TraitError(f"{name} is {pattern!r}; it needs {expected} and nothing else in braces")
        return pattern

    def directory_settings(self) -> DirectorySettings:
        """Return these settings as the directory takes them; reads the service account's password."""
        return DirectorySettings(
            servers=tuple(Endpoint(uri) for uri in self.server_uris),
            tls=client_context(Path(self.ca_file)) if self.ca_file else None,
            unencrypted=self.unencrypted,
            bind_dn=self.bind_dn,
            bind_password=Path(self.bind_password_file).read_bytes().rstrip(b"\r\n"),
            user_base=self.user_search_base,
            user_dn_template=self.user_dn_template,
            user_filter=self.user_filter,
            user_name_attribute=self.user_name_attribute,
            group_base=self.group_search_base,
            group_filter=self.group_filter,
            group_name_attribute=self.group_name_attribute,
            connect_timeout=self.connect_timeout,
            receive_timeout=self.receive_timeout,
            member_of_attribute=self.member_of_attribute,
            nested_group_depth=self.nested_group_depth,
        )

    def directory_problems(self) -> Iterator[str]:
        """Yield a sentence for everything that makes these settings unsafe or useless."""
        yield from self._server_problems()
        if not self.bind_dn:
            yield "bind_dn is not set: a service account reads people and groups"
        if not self.bind_password_file:
            yield "bind_password_file is not set"
        elif problem := private_file_problem(Path(self.bind_password_file)):
            yield f"bind_password_file: {problem}"
        if not self.user_search_base and not self.user_dn_template:
            yield "user_search_base is not set (nor user_dn_template): where are the people?"
        if self.member_of_attribute and not self.group_search_base:
            yield "member_of_attribute is set, and group_search_base is not: groups elsewhere do not count"
        if self.group_search_base and not self.group_filter and not self.member_of_attribute:
            yield "group_search_base is set, group_filter and member_of_attribute are not: who is in a group?"

    def _server_problems(self) -> Iterator[str]:
        endpoints = [Endpoint(uri) for uri in self.server_uris]
        if not endpoints:
            yield "server_uris is empty: write for example ['ldaps://ldap.hpc.example']"
        if self.unencrypted:
            for endpoint in endpoints:
                if not endpoint.ldaps and not endpoint.loopback:
                    yield f"unencrypted is set, and {endpoint} is not this machine: all could read passwords"
        if self.ca_file and not Path(self.ca_file).is_file():
            yield f"ca_file: {self.ca_file} is not there"
        if not self.ca_file and not (self.unencrypted and all(not each.ldaps for each in endpoints)):
            yield "ca_file is not set: the servers' certificates could not be checked"
