"""What a site can set about its login, and the rules between the settings."""

import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jupyterhub.auth import Authenticator
from traitlets import Bool, Int, List, Set, TraitError, Unicode, default, validate

from authenticator.directory.tls import Endpoint
from authenticator.keys import private_file_problem

__all__ = ["LoginSettings"]


class LoginSettings(Authenticator):  # type: ignore[misc, unused-ignore]
    """The settings of `LDAPOTPAuthenticator`."""

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
        help="LDAP filter that finds a person's groups; {username} and {dn} are put in escaped.",
    ).tag(config=True)
    group_name_attribute = Unicode("cn", help="Attribute that holds a group's name.").tag(config=True)
    allowed_groups = Set(Unicode(), help="Members of any of these groups of the directory may log in.").tag(
        config=True
    )
    admin_groups = Set(
        Unicode(),
        help="""Members of any of these groups are administrators of the hub, others are not. Empty: the
        directory does not decide about administrators.""",
    ).tag(config=True)

    connect_timeout = Int(3, help="Seconds to reach a server, for each of its addresses.").tag(config=True)
    receive_timeout = Int(5, help="Seconds to wait for each answer of a server.").tag(config=True)
    login_timeout = Int(
        15, help="Seconds after which a login is told that the directory does not answer."
    ).tag(config=True)
    threads = Int(16, help="How many logins are checked at once.").tag(config=True)
    waiting = Int(64, help="How many more logins may wait; further ones are turned away.").tag(config=True)

    otp_window = Int(
        1,
        help="""How many intervals before and after the present one a code is good for: 0, 1 or 2. With 1 (RFC
        6238) clocks may differ by half a minute; each step more makes guessing easier.""",
    ).tag(config=True)
    store_url = Unicode(
        help="SQLAlchemy URL of the token store, such as sqlite:////srv/hpchub/data/tokens.sqlite.",
    ).tag(config=True)
    key_file = Unicode(
        help="""File (mode 0600 or 0400, owned by the hub's account) with the key of the token store, made by
        `python -m authenticator init-key`. A second line may hold the previous key.""",
    ).tag(config=True)

    @default("request_otp")
    def _request_otp_default(self) -> bool:
        return True

    @default("manage_groups")
    def _manage_groups_default(self) -> bool:
        return True

    @validate("server_uris")
    def _valid_servers(self, proposal: Any) -> list[str]:
        try:
            return [str(Endpoint(uri)) for uri in proposal["value"]]
        except ValueError as error:
            raise TraitError(f"server_uris: {error}") from None

    @validate("otp_window")
    def _valid_window(self, proposal: Any) -> int:
        window = int(proposal["value"])
        if not 0 <= window <= 2:
            raise TraitError(f"otp_window is {window}; write 0, 1 or 2: a wider one makes codes guessable")
        return window

    @validate("connect_timeout", "receive_timeout", "login_timeout", "threads")
    def _valid_amount(self, proposal: Any) -> int:
        amount = int(proposal["value"])
        if amount < 1:
            raise TraitError(f"{proposal['trait'].name} is {amount}; write 1 or more")
        return amount

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

    def problems(self) -> Iterator[str]:
        """Yield a sentence for everything that makes these settings unsafe or useless."""
        yield from self._directory_problems()
        yield from self._search_problems()
        if not self.store_url:
            yield "store_url is not set: it says where the users' tokens are"
        for name in ("key_file", "bind_password_file"):
            path = getattr(self, name)
            if not path:
                yield f"{name} is not set"
            elif problem := private_file_problem(Path(path)):
                yield f"{name}: {problem}"
        if not self.any_allow_config:
            yield "nobody may log in: set allowed_groups, or allow_all if all of the directory are welcome"
        if self.username_map:
            yield "username_map is set: the name in the directory must be the name in the hub"
        if self.login_timeout <= self.connect_timeout:
            yield f"login_timeout ({self.login_timeout}) must be longer than connect_timeout"

    def _directory_problems(self) -> Iterator[str]:
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

    def _search_problems(self) -> Iterator[str]:
        if not self.bind_dn:
            yield "bind_dn is not set: a service account reads people and groups"
        if not self.user_search_base and not self.user_dn_template:
            yield "user_search_base is not set (nor user_dn_template): where are the people?"
        if (self.allowed_groups or self.admin_groups) and not self.group_search_base:
            yield "allowed_groups or admin_groups is set, and group_search_base is not: there are no groups"
