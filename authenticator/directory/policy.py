"""What the answer to a bind means."""

from dataclasses import dataclass
from typing import Final

from authenticator.directory import ldap
from authenticator.errors import Refused, Unavailable

__all__ = ["Decision", "decide"]

# What a server answers when it knows who is asking and says no: 49 wrong password (or locked: OpenLDAP's
# ppolicy and Active Directory say the same), the others are rules about the account.
REFUSALS: Final = {49: "password", 19: "policy", 48: "policy", 50: "policy", 53: "policy"}


@dataclass(frozen=True, slots=True)
class Decision:
    """The password is right; what the directory says besides."""

    password_expires_in: int | None = None
    grace_logins: int | None = None


def decide(result: ldap.Result) -> Decision:
    """Return what the directory grants.

    Raises
    ------
    Refused
        It knows who is asking, and says no. `PasswordExpired` when only the password's age is against it.
    Unavailable
        It has not decided.
    """
    if result.code in REFUSALS:
        raise Refused(REFUSALS[result.code], f"{result.code} {result.text}")
    if result.code != ldap.SUCCESS:
        raise Unavailable("directory", f"the bind was answered with {result.code} {result.text}")
    return Decision()
