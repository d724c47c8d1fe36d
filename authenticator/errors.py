"""Why somebody does not get in.

::

    LoginError
    ├── Refused           this person, with this input, may not come in: one uniform sentence, status 403
    │   ├── Throttled     too many attempts: another sentence, status 429, alike for names that do not exist
    │   └── PasswordExpired  all that was typed is right, and the password's time is over: told to the person
    └── Unavailable       we cannot tell: another sentence, status 503, nobody's fault at the keyboard

The `reason` is one word for the audit. It is never shown to the person at the door.
"""

__all__ = ["LoginError", "PasswordExpired", "Refused", "Throttled", "Unavailable"]


class LoginError(Exception):
    """A login that did not succeed; `reason` is for the audit, `detail` for the log."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class Refused(LoginError):  # noqa: N818 - a refusal is an answer, not a fault
    """The answer is no."""


class Throttled(Refused):
    """Too many attempts. Nothing of this one was looked at.

    Parameters
    ----------
    seconds
        How long the next attempt is not looked at either; None when only an administrator ends it.
    reason
        ``throttled`` (the account), ``throttled_address`` or ``throttled_locked``.
    """

    def __init__(self, seconds: float | None, reason: str = "throttled") -> None:
        super().__init__(reason)
        self.seconds = seconds


class PasswordExpired(Refused):
    """Code and password are right, but the directory wants a new password before anything else."""

    def __init__(self, detail: str = "") -> None:
        super().__init__("password_expired", detail)


class Unavailable(LoginError):  # noqa: N818 - see above
    """There is no answer: a server, the store or our own capacity is lacking."""
