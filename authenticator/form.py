"""The login form's handler: like JupyterHub's, but it takes the fields as they were sent.

JupyterHub's own replaces control characters in a password, takes the last of several values, and fails with
status 500 when the name is missing. The page itself is JupyterHub's `login.html`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from jupyterhub.handlers.login import LoginHandler
from tornado import web

from authenticator.answers import Enrol
from authenticator.credentials import FIELDS
from authenticator.door import Admission
from authenticator.factors import How
from authenticator.leaving import NewSession
from authenticator.pages import flow

__all__ = ["LoginFormHandler", "read_fields"]

# Sent along by JupyterHub's page; nothing of the login depends on them.
HARMLESS = frozenset({"_xsrf", "login_terms_checkbox"})


def read_fields(arguments: Mapping[str, Sequence[bytes]]) -> dict[str, bytes]:
    """Return our fields unchanged, or nothing at all when one is missing, repeated or unknown."""
    ours = {name: values for name, values in arguments.items() if name not in HARMLESS}
    if set(ours) != set(FIELDS) or any(len(values) != 1 for values in ours.values()):
        return {}
    return {name: values[0] for name, values in ours.items()}


class LoginFormHandler(NewSession, LoginHandler):  # type: ignore[misc, unused-ignore]
    """Answers the login form.

    Attributes
    ----------
    admission
        Who was let in, set by the authenticator.
    """

    admission: Admission | None = None

    def set_default_headers(self) -> None:
        super().set_default_headers()  # type: ignore[no-untyped-call]
        # The name is on the page again after a refusal, and its token is for this browser alone.
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        """Decode what is shown again on the page; what is not UTF-8 must not break that page."""
        try:
            return str(super().decode_argument(value, name))
        except web.HTTPError:
            return value.decode("utf-8", "replace")

    async def post(self) -> None:
        """Log in; every refusal is raised by the authenticator, and shown in the form again."""
        fields: dict[str, Any] = {} if self.request.files else read_fields(self.request.body_arguments)
        try:
            user = await self.login_user(fields)
        except Enrol as enrol:
            await flow.begin(self, enrol.admission.person, enrol.admission.how)
            return
        if user is None:
            raise self.authenticator.refusal(self)
        if self.admission is not None and self.admission.how is How.RECOVERY:
            # The recovery code opened a session; the lost device is out, so a new one is due.
            await flow.begin(self, self.admission.person, How.RECOVERY)
            return
        self.redirect(self.get_next_url(user))  # type: ignore[no-untyped-call]
