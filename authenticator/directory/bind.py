"""A person's password, sent to one server, once."""

from collections.abc import Sequence

from authenticator.directory import ldap
from authenticator.directory.policy import REQUEST, Decision, decide
from authenticator.directory.servers import Server
from authenticator.errors import Refused
from authenticator.workers import Deadline

__all__ = ["prove"]


def prove(
    server: Server, dn: str, password: bytes, deadline: Deadline, controls: Sequence[ldap.Control] = ()
) -> Decision:
    """Return what the server grants whoever knows this password.

    Raises
    ------
    Refused
        The server says no.
    ldap.NoAnswer
        The server was not reached; the password was not sent and may go to another.
    Unavailable
        The password was sent and the answer does not tell; it may not be sent again.
    """
    if not dn or not password:
        # RFC 4513 §5.1.2: a name without a password (or neither) is an anonymous bind, and succeeds.
        raise Refused("password", "an empty name or password would be an anonymous bind")
    with server.opened(dn, password, deadline) as link:
        try:
            result = ldap.bind(link, (REQUEST, *controls))
        except ldap.NoAnswer as error:
            raise ldap.Unanswered(error.detail) from None
    if result.code in ldap.OUT_OF_ORDER:
        raise ldap.Unanswered(f"the bind was answered with {result.code} {result.text}")
    return decide(result)
