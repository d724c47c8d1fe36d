"""ldap3 with the settings that are safe, one connection at a time.

ldap3 has not been released since 2021 and its defaults are not safe, so it is used here (with the certificate
checks in `authenticator.directory.tls`) and nowhere else. Its `Server` is not for several threads: each
connection gets one of its own.
"""

import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ldap3 import BASE, NONE, SAFE_SYNC, SIMPLE, SUBTREE, Connection
from ldap3 import Server as Ldap3Server
from ldap3.core.exceptions import LDAPException
from ldap3.utils.conv import escape_filter_chars as escaped

from authenticator.directory.tls import Endpoint, VerifiedTls
from authenticator.errors import Unavailable
from authenticator.workers import Deadline

__all__ = [
    "BASE",
    "OUT_OF_ORDER",
    "SUBTREE",
    "SUCCESS",
    "Connection",
    "Control",
    "Entry",
    "NoAnswer",
    "Result",
    "Unanswered",
    "Unhelpful",
    "bind",
    "close",
    "connect",
    "connection",
    "escaped",
    "search",
    "useless",
]

SUCCESS: Final = 0
OUT_OF_ORDER: Final = frozenset({51, 52})  # RFC 4511 §A.2: busy, unavailable
# A control of a request: its OID, whether the server must know it, its value (BER) or None.
Control = tuple[str, bool, bytes | None]


class NoAnswer(Unavailable):
    """Nothing usable comes from this server now; another may do."""

    def __init__(self, detail: str) -> None:
        super().__init__("directory", detail)


class Unhelpful(NoAnswer):
    """The server answers, but not this question; another may."""


class Unanswered(Unavailable):
    """A password was sent and nothing usable came back: it must not go to another server."""

    def __init__(self, detail: str) -> None:
        super().__init__("directory", detail)


def useless(code: int, detail: str) -> NoAnswer:
    """Return the error for a search that ended with `code`."""
    return NoAnswer(detail) if code in OUT_OF_ORDER else Unhelpful(detail)


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to a bind.

    `controls` maps the OID of each response control to its value as it came (BER), None when it has none.
    """

    code: int
    text: str
    controls: Mapping[str, bytes | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the directory; names of attributes are in lower case, values as they came."""

    dn: str
    attributes: Mapping[str, Sequence[bytes]]

    def texts(self, attribute: str) -> list[str]:
        """Return an attribute's values as text, none when it is not there."""
        return [value.decode("utf-8", "replace") for value in self.attributes.get(attribute.lower(), ())]


class _Addresses(Ldap3Server):  # type: ignore[misc, unused-ignore]
    """A server of ldap3's that is tried at each of its addresses, within one deadline."""

    link: Connection
    deadline: Deadline

    def candidate_addresses(self) -> Iterator[list[Any]]:
        """Yield the addresses in the resolver's order; ldap3 itself would take the first alone."""
        most = self.connect_timeout
        for found in socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM):
            self.connect_timeout = self.deadline.limit(most)
            yield [*found, None, None]
            if self.link.socket is not None:  # that one failed, and ldap3 forgets to close it
                self.link.socket.close()


def connection(
    endpoint: Endpoint,
    tls: VerifiedTls | None,
    dn: str,
    password: bytes,
    *,
    connect_timeout: int,
    receive_timeout: int,
    deadline: Deadline,
) -> Connection:
    """Return a connection that is not open yet; never `repr` it, that shows the password."""
    server = _Addresses(
        endpoint.host,
        endpoint.port,
        use_ssl=endpoint.ldaps,
        tls=tls,
        get_info=NONE,
        connect_timeout=connect_timeout,
        allowed_referral_hosts=[],
    )
    server.deadline = deadline
    server.link = Connection(
        server,
        dn,
        password,  # type: ignore[arg-type]  # bytes are sent unchanged, text is not
        authentication=SIMPLE,
        client_strategy=SAFE_SYNC,
        auto_bind=False,
        auto_referrals=False,
        check_names=False,
        read_only=True,
        receive_timeout=deadline.limit(receive_timeout),
        raise_exceptions=False,
    )
    return server.link


def connect(link: Connection) -> None:
    """Open, and change to TLS where the URI says so; neither name nor password is sent.

    Raises
    ------
    NoAnswer
        There is nobody, or not who it should be.
    """
    try:
        link.open(read_server_info=False)
        plain = link.server.tls is not None and not link.server.ssl
        refused = plain and not link.start_tls(read_server_info=False)
    except Unavailable:
        raise  # the login's time is up
    except Exception as error:
        raise _silence(error) from None
    if refused:
        raise NoAnswer("the server refuses StartTLS")


def bind(link: Connection, controls: Sequence[Control] = ()) -> Result:
    """Send name and password, once, and return the answer; the link must be open."""
    if link.closed:
        raise NoAnswer("the connection is closed")  # ldap3 would open it again, without StartTLS
    try:
        _status, result, _response, _request = link.bind(
            read_server_info=False, controls=list(controls) or None
        )
    except Unavailable:
        raise  # the login's time is up
    except Exception as error:
        raise _silence(error) from None
    if not result or result.get("type") != "bindResponse":
        raise NoAnswer("no answer to the bind")
    text = _printable(result["message"] or result["description"])
    return Result(int(result["result"]), text, _control_values(result))


def search(
    link: Connection, base: str, filter_: str, scope: Any, attributes: Sequence[str], *, limit: int = 0
) -> tuple[int, list[Entry]]:
    """Return the result's code and the entries found, each with those of these attributes that it has."""
    try:
        _status, result, response, _request = link.search(
            base, filter_, search_scope=scope, attributes=list(attributes), size_limit=limit
        )
    except Unavailable:
        raise  # the login's time is up
    except Exception as error:
        raise _silence(error) from None
    if not result:
        raise NoAnswer("no answer to the search")
    entries = [
        Entry(
            str(entry["dn"]),
            {name.lower(): tuple(values) for name, values in entry["raw_attributes"].items()},
        )
        for entry in response or ()
        # Active Directory adds references to other servers (searchResRef); nothing follows them.
        if entry.get("type") == "searchResEntry"
    ]
    return int(result["result"]), entries


def _control_values(result: Mapping[str, Any]) -> dict[str, bytes | None]:
    controls = result.get("controls") or {}
    return {
        oid: value["value"] for oid, value in controls.items() if isinstance(value["value"], bytes | None)
    }


def _silence(error: Exception) -> NoAnswer:
    """Return what an exception out of ldap3 means, whose decoders raise anything when it is not LDAP."""
    told = isinstance(error, LDAPException | OSError)
    return NoAnswer(f"{type(error).__name__}: {_words(error) if told else 'an answer that is not LDAP'}")


def _words(error: Exception) -> str:
    """Return what went wrong; of a name with several addresses, at each of them."""
    match error.args:
        case (str(), [(Exception(), (_, *_)), *_] as tries):
            return "; ".join(f"{address[0]}: {_printable(reason)}" for reason, address in tries)
    return _printable(error)


def _printable(text: object) -> str:
    """Return a server's words so that they cannot forge a line of the log."""
    return "".join(sign if sign.isprintable() else "?" for sign in str(text)[:200])


def close(link: Connection) -> None:
    """Close the link, whatever state it is in."""
    # ldap3 takes a connection that failed to open for closed and leaves its socket behind.
    raw = link.socket
    try:
        link.unbind()
    except (LDAPException, OSError):
        pass
    finally:
        if raw is not None:
            raw.close()
