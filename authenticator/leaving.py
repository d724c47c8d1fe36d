"""What a browser's session costs whoever copied its cookie: nothing after log-out, nor after the next login.

JupyterHub's login cookie says the same for every browser of a user and for all time. Stock, a copy of it
opens the hub until it expires, whether or not its owner has logged out; and a login renews neither that
cookie nor the session id when the browser has some already.

Here, log-out ends all browsers of the user, as it stops all servers. A login makes a new session id and a new
cookie, and the session that the browser brought along ends (OWASP ASVS 5.0, 7.2.4). Somebody's other
browsers stay logged in when a further one logs in, because that one brings no session along. Log-out is a
plain link, so one that another site has set is not followed.
"""

from typing import Any

from jupyterhub import handlers
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.login import LogoutHandler

from authenticator.sessions import Sessions

__all__ = ["NewSession", "logout_handler"]


class NewSession(BaseHandler):  # type: ignore[misc, unused-ignore]
    """Mixed into the handler of the login form, before JupyterHub's."""

    async def login_user(self, data: Any = None) -> Any:
        """Log in, and leave nothing of the session that the browser brought along."""
        brought = self.get_current_user_cookie()  # type: ignore[no-untyped-call]
        user = await super().login_user(data)  # type: ignore[no-untyped-call]
        if user is not None:
            if brought is not None:
                Sessions(self.app).end_browsers(brought.name)
            if hasattr(self, "_session_id"):
                del self._session_id
            # JupyterHub notes activity from the second request on; the watch must know of the first, too.
            self._record_activity(user)  # type: ignore[no-untyped-call]
            self.db.commit()
            self.set_session_cookie()  # type: ignore[no-untyped-call]
            self.set_login_cookie(user)  # type: ignore[no-untyped-call]
        return user


def logout_handler() -> type[LogoutHandler]:
    """Return the hub's handler of log-outs, whichever that is by now, extended to end all browsers."""
    # A route may lead to a router instead, which is no class.
    kinds = (entry[1] for entry in handlers.default_handlers if isinstance(entry[1], type))
    present = next(kind for kind in kinds if issubclass(kind, LogoutHandler))

    class Leaving(present):  # type: ignore[misc, valid-type]
        async def get(self) -> None:
            # A link of another site: it must not end sessions, and stop servers and jobs with them. Where
            # servers have host names of their own, they are the same site and have such a link.
            ours = {"none", "same-origin"} | ({"same-site"} if self.subdomain_host else set())
            if self.request.headers.get("Sec-Fetch-Site", "none") not in ours:
                self.redirect(f"{self.hub.base_url}home")
                return
            await super().get()

        async def default_handle_logout(self) -> None:
            user = self.current_user
            try:
                await super().default_handle_logout()
            finally:
                # Also when a server does not stop, or the browser does not wait for it.
                if user is not None:
                    Sessions(self.app).end_browsers(user.name)

    return Leaving
