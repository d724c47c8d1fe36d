"""Browsers that the hub has just recognised: for two minutes it need not find out again who asks.

That takes JupyterHub several queries of its database, five times as long as all the rest of a look at the
figures. What it looked at is the cookie of the login, the cookie of the browser's session, and the XSRF token
that pages of that session send; whoever comes with the very same three within two minutes is the same. Not
when the user's sessions have ended meanwhile (by a log-out, a reset, or because the directory disabled the
account), and not beyond the end of the login itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from jupyterhub.handlers.base import SESSION_COOKIE_NAME
from sqlalchemy import inspect
from sqlalchemy.exc import SQLAlchemyError
from tornado.httputil import HTTPServerRequest, parse_cookie
from tornado.web import decode_signed_value

import texts
from spawner.request import Standing

if TYPE_CHECKING:
    from spawner.choosing import TakesOptions

__all__ = ["BROWSERS", "Browsers", "Known", "Reader"]

KNOWN_SECONDS: Final = 120.0
MOST_KNOWN: Final = 10_000
LONGEST_COOKIES: Final = 8_192  # characters; longer ones are for JupyterHub to refuse

_Key = tuple[str, str, str]


@dataclass(slots=True)
class Known:
    """Somebody who is recognised: which user it is, and who that is to the queues, once that is known.

    Attributes
    ----------
    own : tuple
        The user's own part of the figures as it was last written, and what it was written from.
    """

    spawner: TakesOptions
    until: float = 0.0
    session: str = ""
    standing: Standing | None = None
    own: tuple[object, bytes] = (None, b"")


class Reader:
    """Stands for a request where a text asks for the reader's language."""

    def __init__(self, cookies: dict[str, str]) -> None:
        self._cookies = cookies

    def get_cookie(self, name: str) -> str | None:
        return self._cookies.get(name)


class Browsers:
    """All browsers that are known now, by what they must send."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[_Key, Known] = {}
        self._login_cookie = ""

    def __len__(self) -> int:
        return len(self._known)

    def remember(self, handler: Any, spawner: TakesOptions, xsrf_token: str) -> Known:
        """Know a browser again that the hub has just recognised.

        Parameters
        ----------
        handler : BaseHandler
            The request, whose user JupyterHub has found out.
        xsrf_token : str
            What the pages of this browser send. It must be its cookie ``_xsrf``, too, when it comes again.
        """
        found = Known(spawner, self._clock() + KNOWN_SECONDS, _session_of(spawner))
        cookie = handler.hub.cookie_name
        key = (handler.get_cookie(cookie, ""), handler.get_session_cookie() or "", xsrf_token)
        by_cookie = not getattr(handler, "_token_authenticated", False)
        if by_cookie and found.session and all(key) and _lasts(handler, cookie):
            self._login_cookie = cookie
            self._known.pop(key, None)
            self._known[key] = found
            while len(self._known) > MOST_KNOWN:
                del self._known[next(iter(self._known))]
        return found

    def recall(self, request: HTTPServerRequest) -> tuple[Known, str] | None:
        """Say who asks, and the language to answer in; None where JupyterHub must find out.

        Only what a page's script sends is looked at: no token, and no arguments.
        """
        headers = request.headers
        if request.method != "GET" or request.query or "Authorization" in headers:
            return None
        raw = headers.get("Cookie", "")
        if len(raw) > LONGEST_COOKIES:
            return None
        cookies = parse_cookie(raw)
        xsrf = cookies.get("_xsrf", "")
        if not xsrf or headers.get("X-XSRFToken") != xsrf:
            return None
        key = (cookies.get(self._login_cookie, ""), cookies.get(SESSION_COOKIE_NAME, ""), xsrf)
        known = self._known.get(key)
        if known is None:
            return None
        try:
            good = self._clock() < known.until and known.session == _session_of(known.spawner)
        except SQLAlchemyError:  # JupyterHub knows what to do with its database
            return None
        if not good:
            del self._known[key]
            return None
        return known, texts.language_of(Reader(cookies))


BROWSERS: Final = Browsers()
"""Those of this hub process."""


def _lasts(handler: Any, cookie: str) -> bool:
    """Tell whether the login will still be good when the browser is forgotten here."""
    value = decode_signed_value(
        handler.settings["cookie_secret"],
        cookie,
        handler.get_cookie(cookie),
        max_age_days=handler.cookie_max_age_days,
        clock=lambda: time.time() + KNOWN_SECONDS,
    )
    return value is not None


def _session_of(spawner: TakesOptions) -> str:
    """Return what changes when the sessions end, without asking the database; "" for who is deleted."""
    user = spawner.user.orm_user
    # A session may go on holding what it has deleted, so it is not enough to have one.
    return str(user.cookie_id) if inspect(user).persistent else ""
