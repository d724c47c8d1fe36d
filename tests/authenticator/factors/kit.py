"""Settings of an authenticator on the directory that checks codes itself, and its `Directory` alone."""

import logging
from pathlib import Path
from typing import Any

from authenticator.directory import Directory, DirectorySettings
from authenticator.directory.tls import Endpoint, client_context
from tests.authenticator.factors.otp_directory import OTPDirectory

__all__ = ["directory_of", "otp_settings"]

WITH_TOKEN = "(&(objectClass=posixAccount)(objectClass=oathTOTPUser)(uid={username}))"
ANYBODY = "(&(objectClass=posixAccount)(uid={username}))"


def otp_settings(server: OTPDirectory, **changes: Any) -> dict[str, Any]:
    """Return the settings of `LDAPOTPAuthenticator` but for store, key and second factor."""
    return {
        "server_uris": [server.uri],
        "ca_file": str(server.ca),
        "bind_dn": server.service,
        "bind_password_file": str(server.service_password_file),
        "user_search_base": f"ou=people,{server.suffix}",
        "user_filter": WITH_TOKEN,
        "group_search_base": f"ou=groups,{server.suffix}",
        "allowed_groups": {"hub-users"},
    } | changes


def directory_of(
    server: OTPDirectory, user_filter: str = WITH_TOKEN, *, plain_port: int | None = None
) -> Directory:
    """Return the directory of these people; through an unencrypted port of this machine if one is given."""
    uri = server.uri if plain_port is None else f"ldap://127.0.0.1:{plain_port}"
    settings = DirectorySettings(
        servers=(Endpoint(uri),),
        tls=client_context(Path(server.ca)),
        unencrypted=plain_port is not None,
        bind_dn=server.service,
        bind_password=server.service_password_file.read_bytes(),
        user_base=f"ou=people,{server.suffix}",
        user_dn_template="",
        user_filter=user_filter,
        user_name_attribute="uid",
        group_base=f"ou=groups,{server.suffix}",
        group_filter="(memberUid={username})",
        group_name_attribute="cn",
        connect_timeout=3,
        receive_timeout=3,
    )
    return Directory(settings, logging.getLogger("hpchub.test"))
