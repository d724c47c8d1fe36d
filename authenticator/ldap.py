"""ldap3 with the settings that are safe, one connection at a time.

ldap3 has not been released since 2021 and its defaults are not safe, so it is used here (with the certificate
checks in `authenticator.tls`) and nowhere else. Its `Server` is not for several threads: each connection
gets one of its own.
"""

from typing import Any

from ldap3 import NONE, SAFE_SYNC, SIMPLE, Connection, Server
from ldap3.core.exceptions import LDAPException
from pyasn1.error import PyAsn1Error

from authenticator.errors import Unavailable
from authenticator.tls import Endpoint, VerifiedTls

__all__ = ["bind", "close", "connection", "search"]

# The last is an answer that is not LDAP.
_TROUBLE = (LDAPException, OSError, PyAsn1Error)


def connection(
    endpoint: Endpoint,
    tls: VerifiedTls | None,
    dn: str,
    password: bytes,
    *,
    connect_timeout: int,
    receive_timeout: int,
) -> Connection:
    """Return a connection that is not open yet; never `repr` it, that shows the password."""
    server = Server(
        endpoint.host,
        endpoint.port,
        use_ssl=endpoint.ldaps,
        tls=tls,
        get_info=NONE,
        connect_timeout=connect_timeout,
        allowed_referral_hosts=[],
    )
    return Connection(
        server,
        dn,
        password,  # type: ignore[arg-type]  # bytes are sent unchanged, text is not
        authentication=SIMPLE,
        client_strategy=SAFE_SYNC,
        auto_bind=False,
        auto_referrals=False,
        check_names=False,
        read_only=True,
        receive_timeout=receive_timeout,
        raise_exceptions=False,
    )


def bind(link: Connection) -> tuple[int, str]:
    """Open, change to TLS where the URI says so, bind; return the result's code and text."""
    try:
        link.open(read_server_info=False)
        if link.server.tls is not None and not link.server.ssl and not link.start_tls(read_server_info=False):
            raise Unavailable("directory", "the server refuses StartTLS")
        _status, result, _response, _request = link.bind(read_server_info=False)
    except _TROUBLE as error:
        raise Unavailable("directory", _words(error)) from None
    if result is None:
        raise Unavailable("directory", "no answer to the bind")
    return int(result["result"]), str(result["message"] or result["description"])[:200]


def search(
    link: Connection, base: str, filter_: str, scope: Any, attribute: str, *, limit: int = 0
) -> tuple[int, list[tuple[str, list[str]]]]:
    """Return the result's code, and each entry's name with the values of one attribute."""
    try:
        _status, result, response, _request = link.search(
            base, filter_, search_scope=scope, attributes=[attribute], size_limit=limit
        )
    except _TROUBLE as error:
        raise Unavailable("directory", _words(error)) from None
    entries = [
        (str(entry["dn"]), _values(entry["raw_attributes"], attribute))
        for entry in response or ()
        # Active Directory adds references to other servers (searchResRef); nothing follows them.
        if entry.get("type") == "searchResEntry"
    ]
    return int(result["result"]), entries


def _values(attributes: dict[str, list[bytes]], wanted: str) -> list[str]:
    return [
        value.decode("utf-8", "replace")
        for name, values in attributes.items()
        if name.lower() == wanted.lower()
        for value in values
    ]


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:200]}"


def close(link: Connection) -> None:
    # ldap3 takes a connection that failed to open for closed and leaves its socket behind.
    raw = link.socket
    try:
        link.unbind()
    except (LDAPException, OSError):
        pass
    finally:
        if raw is not None:
            raw.close()
