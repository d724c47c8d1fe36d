"""The directory checks the code: password and code go to it as one, in one bind."""

from collections.abc import Iterator
from typing import Final

from traitlets import Bool, Enum

from authenticator.errors import Refused
from authenticator.factors.interface import Attempt, How, Proof
from authenticator.factors.others import OthersFactor
from authenticator.workers import Deadline

__all__ = ["OTP_REQUIRED", "AppendedFactor"]

OTP_REQUIRED: Final = "2.16.840.1.113730.3.8.10.7"
"""FreeIPA's control: whoever has no token, or leaves the code out, does not get in. It has no value."""


class AppendedFactor(OthersFactor):
    """Appends the code to the password; OpenLDAP's slapo-otp and FreeIPA take them apart again.

    What this costs: until the bind, nobody knows whether the code is right. Whoever guesses passwords makes
    the directory count failures, and can lock an account *there* without holding its token; our throttle
    stands before it and should be stricter than the directory's lockout. Whether a code works only once is
    the directory's business as well (slapo-otp keeps the last step in the token's entry, so every server that
    answers binds must be able to write it, and see what the others wrote).

    Notes
    -----
    A directory checks an account that has no token by its password alone, and compares it with all that was
    typed. Somebody whose password ends in six digits could type these as the code. So either the search finds
    people with a token only (`user_filter`), or FreeIPA's control says that a token is needed.
    """

    title = "the directory"

    order = Enum(
        ["password+otp", "otp+password"],
        default_value="password+otp",
        help="What comes first in the bind. slapo-otp and FreeIPA want password+otp.",
    ).tag(config=True)
    require_otp_control = Bool(
        default_value=False,
        help="""FreeIPA: send the control 2.16.840.1.113730.3.8.10.7 as critical, so that nobody gets in
        without a token. A directory that does not know it refuses the bind.""",
    ).tag(config=True)
    directory_demands_code = Bool(
        default_value=False,
        help="""Whether the directory itself refuses everybody who has no token. Say so only when you have
        tried it: see the notes of this class. Not needed with require_otp_control, nor when user_filter asks
        for oathTOTPUser or oathHOTPUser.""",
    ).tag(config=True)

    def problems(self) -> Iterator[str]:
        if self.require_otp_control or self.directory_demands_code:
            return
        wanted = str(getattr(self.parent, "user_filter", "")).lower()
        if "oathtotpuser" not in wanted and "oathhotpuser" not in wanted:
            yield (
                "AppendedFactor: people without a token could get in by a password alone; add "
                "(objectClass=oathTOTPUser) to user_filter, or set require_otp_control (FreeIPA), or "
                "directory_demands_code once you have seen the directory refuse them"
            )

    def secret(self, attempt: Attempt, code: str) -> bytes:
        if not attempt.password:
            raise Refused("password_syntax")
        parts = attempt.password, code.encode()
        return b"".join(parts if self.order == "password+otp" else reversed(parts))

    def ask(self, attempt: Attempt, code: str, _deadline: Deadline) -> Proof:
        controls = ((OTP_REQUIRED, True, None),) if self.require_otp_control else ()
        return Proof(How.OTP, self.secret(attempt, code), controls)
