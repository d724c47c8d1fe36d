"""Why somebody does not get in.

::

    LoginError
    ├── Refused       this person, with this input, may not come in: one uniform sentence, status 403
    └── Unavailable   we cannot tell: another sentence, status 503, nobody's fault at the keyboard

The `reason` is one word for the audit. It is never shown to the person at the door.
"""

__all__ = ["LoginError", "Refused", "Unavailable"]


class LoginError(Exception):
    """A login that did not succeed; `reason` is for the audit, `detail` for the log."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class Refused(LoginError):  # noqa: N818 - a refusal is an answer, not a fault
    """The answer is no."""


class Unavailable(LoginError):  # noqa: N818 - see above
    """There is no answer: a server, the store or our own capacity is lacking."""
