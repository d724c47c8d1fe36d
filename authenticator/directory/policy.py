"""What the answer to a bind means: a pure function of its code, its text and its controls.

A refusal has a cause, and causes tell secrets: that an account is locked, that a password is the right one
but expired. So the cause goes to the log and the audit as the `reason`, and only one cause is ever told to a
person: that the password has expired, because then all that was typed is right. It is told only where the
server says it after it has compared the password:

- **OpenLDAP** (overlay ppolicy) looks at age and reset after a successful comparison; a wrong password of an
  expired account is a plain 49. It speaks of it in the password policy control
  (draft-behera-ldap-password-policy-10), which it sends to who asks for it; a locked account is a plain 49,
  too, unless `ppolicy_use_lockout` is set.
- **389-DS** does the same, and adds Netscape's controls unasked. An inactivated account is refused with 53
  whatever the password, one that is locked after wrong passwords with 19.
- **FreeIPA** looks at the age before it compares (its grace period plugin): neither its "Password is
  expired." nor the controls of a refusal prove anything, so these are plain refusals. Unless its policy sets
  a grace limit, it lets expired passwords pass and does not say so.
- **Active Directory** answers 49 with a code in its text. 532 (expired) and 773 (must change) come only with
  the right password, and so do 530, 531, 533 and 701; 775 (locked) comes with any.

A password that an administrator has reset opens a session in which nothing is allowed but to change it: the
bind succeeds, the control says `changeAfterReset`. That is no login, it is an expired password.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from pyasn1.codec.ber import decoder
from pyasn1.error import PyAsn1Error
from pyasn1.type import namedtype, tag, univ

from authenticator.directory.ldap import SUCCESS, Control, Result
from authenticator.errors import PasswordExpired, Refused, Unavailable

__all__ = ["REQUEST", "Decision", "PolicyAnswer", "decide", "parse_policy"]

POLICY_CONTROL: Final = "1.3.6.1.4.1.42.2.27.8.5.1"
# With a user's bind: servers that do not know it pass over it.
REQUEST: Final[Control] = (POLICY_CONTROL, False, None)
NETSCAPE_EXPIRED: Final = "2.16.840.1.113730.3.4.4"
NETSCAPE_EXPIRING: Final = "2.16.840.1.113730.3.4.5"

INVALID_CREDENTIALS: Final = 49
# A server that knows who is asking and says no. All other codes are about the server: 51 busy, 52
# unavailable, 3 time limit, 80 other, 10 the entry is elsewhere, 8 and 13 another connection is wanted.
REFUSALS: Final = {
    19: "policy",
    32: "unknown_user",  # found a moment ago; servers should answer 49, not all do
    48: "policy",  # this account may not bind with a password
    INVALID_CREDENTIALS: "password",
    50: "policy",
    53: "policy",
}
REFERRAL: Final = 10
INACTIVATED: Final = "Account inactivated"  # 389-DS
FREEIPA_EXPIRED: Final = "Password is expired"

EXPIRED, LOCKED, MUST_CHANGE = 0, 1, 2  # PolicyAnswer.error; 3 to 8 are about changing a password
POLICY_WORDS: Final = {
    EXPIRED: "password expired",
    LOCKED: "account locked",
    MUST_CHANGE: "password must be changed after reset",
}

ACTIVE_DIRECTORY: Final = re.compile(r"AcceptSecurityContext error, data ([0-9a-fA-F]{1,8})\b")
ACTIVE_DIRECTORY_REASONS: Final = {
    "525": "unknown_user",
    "52e": "password",
    "530": "hours",
    "531": "workstation",
    "533": "disabled",
    "701": "account_expired",
    "775": "locked",
}
ACTIVE_DIRECTORY_EXPIRED: Final = {"532": "password expired", "773": "password must be changed"}


@dataclass(frozen=True, slots=True)
class Decision:
    """The password is right and the account may be used; what the directory says besides.

    Parameters
    ----------
    password_expires_in
        Seconds; None when the directory says nothing of it.
    grace_logins
        How often an expired password may still be used after this time.
    """

    password_expires_in: int | None = None
    grace_logins: int | None = None


@dataclass(frozen=True, slots=True)
class PolicyAnswer:
    """The password policy control of a response; what the server did not say is None."""

    expires_in: int | None = None
    grace_logins: int | None = None
    error: int | None = None


def decide(result: Result) -> Decision:
    """Return what the directory grants.

    Raises
    ------
    PasswordExpired
        The password is right, and another must be chosen before anything else.
    Refused
        The server knows who is asking and says no; the reason is the cause, as far as it tells.
    Unavailable
        The answer is none about this person.
    """
    policy = _policy_of(result)
    if result.code == SUCCESS:
        return _granted(result, policy)
    said = _said(result, policy)
    if result.code == INVALID_CREDENTIALS and _is_of_age(result, policy):
        raise PasswordExpired(said)
    if result.code in REFUSALS:
        raise Refused(_reason(result, policy), said)
    if result.code == REFERRAL:
        said += ": the account is on another server, and referrals are not followed"
    raise Unavailable("directory", f"the bind was answered with {said}")


def _policy_of(result: Result) -> PolicyAnswer:
    try:
        return parse_policy(result.controls.get(POLICY_CONTROL))
    except Unavailable:
        if result.code in REFUSALS:
            return PolicyAnswer()  # no is no, and has to count as one
        raise


def _granted(result: Result, policy: PolicyAnswer) -> Decision:
    if policy.error == LOCKED:
        raise Refused("locked", _said(result, policy))
    # 389-DS sends Netscape's "expired" with a grace login, too, and in the other control how many are left.
    expired = NETSCAPE_EXPIRED in result.controls and policy.grace_logins is None
    if policy.error in {EXPIRED, MUST_CHANGE} or expired:
        raise PasswordExpired(_said(result, policy))
    expires_in = policy.expires_in
    if expires_in is None:
        expires_in = _seconds(result.controls.get(NETSCAPE_EXPIRING))
    return Decision(expires_in, policy.grace_logins)


def _is_of_age(result: Result, policy: PolicyAnswer) -> bool:
    """Tell whether it was the right password that is refused for its age."""
    if FREEIPA_EXPIRED in result.text:
        return False
    return (
        policy.error in {EXPIRED, MUST_CHANGE} or _active_directory(result.text) in ACTIVE_DIRECTORY_EXPIRED
    )


def _reason(result: Result, policy: PolicyAnswer) -> str:
    if policy.error == LOCKED:
        # 389-DS has one error for both: switched off by an administrator, and locked after wrong passwords.
        return "disabled" if INACTIVATED in result.text else "locked"
    if FREEIPA_EXPIRED in result.text:
        return "expired"
    if result.code == INVALID_CREDENTIALS:
        return ACTIVE_DIRECTORY_REASONS.get(_active_directory(result.text), "password")
    return REFUSALS[result.code]


def _said(result: Result, policy: PolicyAnswer) -> str:
    """Put everything the server said into words for the log."""
    words = [f"{result.code} {result.text}".strip()]
    data = _active_directory(result.text)
    words += [ACTIVE_DIRECTORY_EXPIRED[data]] if data in ACTIVE_DIRECTORY_EXPIRED else []
    words += (
        [POLICY_WORDS.get(policy.error, f"policy error {policy.error}")] if policy.error is not None else []
    )
    return ", ".join(words)


def _active_directory(text: str) -> str:
    found = ACTIVE_DIRECTORY.search(text)
    return found[1].lower() if found else ""


def _seconds(value: bytes | None) -> int | None:
    """Read the text of Netscape's control: decimal digits."""
    return int(value) if value is not None and re.fullmatch(rb"[0-9]{1,10}", value) else None


# ----- the control's value ----------------------------------------------------------------------


def _implicit(kind: Any, number: int) -> Any:
    return kind.subtype(implicitTag=tag.Tag(tag.tagClassContext, tag.tagFormatSimple, number))


def _explicit(kind: Any, number: int) -> Any:
    return kind.subtype(explicitTag=tag.Tag(tag.tagClassContext, tag.tagFormatConstructed, number))


class _Warning(univ.Choice):
    componentType = namedtype.NamedTypes(  # noqa: N815 - pyasn1's name
        namedtype.NamedType("timeBeforeExpiration", _implicit(univ.Integer(), 0)),
        namedtype.NamedType("graceAuthNsRemaining", _implicit(univ.Integer(), 1)),
    )


class _PolicyValue(univ.Sequence):
    """PasswordPolicyResponseValue of draft-behera-ldap-password-policy-10, section 6.2."""

    componentType = namedtype.NamedTypes(  # noqa: N815 - pyasn1's name
        # A tag around a choice is always an explicit one (X.680, 31.2.7).
        namedtype.OptionalNamedType("warning", _explicit(_Warning(), 0)),
        namedtype.OptionalNamedType("error", _implicit(univ.Enumerated(), 1)),
    )


def parse_policy(value: bytes | None) -> PolicyAnswer:
    """Decode the control's value; none at all says nothing.

    Raises
    ------
    Unavailable
        When it cannot be read: what it says may be "expired" or "locked".
    """
    if not value:
        return PolicyAnswer()
    try:
        decoded, rest = decoder.decode(value, asn1Spec=_PolicyValue())
    except PyAsn1Error:
        raise Unavailable("directory", "the server's password policy control cannot be read") from None
    if rest:
        raise Unavailable("directory", "the server's password policy control has more than it should")
    warning, error = decoded["warning"], decoded["error"]
    kind = warning.getName() if warning.isValue else ""
    amount = int(warning.getComponent()) if warning.isValue else None
    return PolicyAnswer(
        expires_in=amount if kind == "timeBeforeExpiration" else None,
        grace_logins=amount if kind == "graceAuthNsRemaining" else None,
        error=int(error) if error.isValue else None,
    )
