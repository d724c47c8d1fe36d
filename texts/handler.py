"""The two addresses the pages need besides JupyterHub's own: the language switch and our static files."""

import re
from typing import Any, Final
from urllib.parse import urlsplit

from jupyterhub import handlers
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.static import CacheControlStaticFilesHandler
from tornado import web

import texts
from texts.jinja import STATIC

__all__ = ["LanguageHandler", "is_local_page", "register"]

_YEAR_DAYS: Final = 365
_UNSAFE: Final = re.compile(r"[\x00-\x20\x7f\\]|//|/\.\.?(/|$)")


def is_local_page(address: str, base_url: str) -> bool:
    """Tell whether `address` is a page under `base_url` and nothing a browser could read as another site.

    >>> is_local_page("/hub/home", "/hub/"), is_local_page("//evil.example/hub/", "/hub/")
    (True, False)
    """
    if not address.isprintable() or not address.startswith(base_url):
        return False
    return not _UNSAFE.search(urlsplit(address).path)


class LanguageHandler(BaseHandler):
    """Remembers the language a person chose and leads back to the page they were on."""

    def post(self) -> None:
        """Set the cookie; JupyterHub has checked the XSRF token before this runs."""
        lang = self.get_body_argument("lang", "")
        if lang not in texts.LANGUAGES:
            raise web.HTTPError(400, "That language is not offered here.")
        self.set_cookie(
            texts.COOKIE,
            lang,
            expires_days=_YEAR_DAYS,
            # The services under the same host, such as the queue page, read it as well.
            path=self.base_url,
            httponly=True,
            samesite="Lax",
            secure=self._is_secure(),
        )
        self._tell_servers(lang)
        page = self.get_body_argument("next", "")
        self.redirect(page if is_local_page(page, self.hub.base_url) else self.hub.base_url, status=303)

    def _tell_servers(self, lang: str) -> None:
        """Have the user's servers go on in this language: the news of a start has no request to ask."""
        for spawner in getattr(self.current_user, "spawners", {}).values():
            speak = getattr(spawner, "speak", None)
            if speak is not None:
                speak(lang)

    def _is_secure(self) -> bool:
        public_url = self.settings.get("public_url")
        scheme = public_url.scheme if public_url else self.request.protocol
        return bool(scheme == "https")


def register() -> None:
    """Add our handlers to JupyterHub's; call it once, from jupyterhub_config.py.

    JupyterHub collects its handlers from this list after the configuration is read; its setting
    ``extra_handlers`` is deprecated.
    """
    ours: list[tuple[Any, ...]] = [
        (r"/language", LanguageHandler),
        (r"/hpchub-static/(.*)", CacheControlStaticFilesHandler, {"path": str(STATIC)}),
    ]
    known = {entry[0] for entry in handlers.default_handlers}
    handlers.default_handlers.extend(entry for entry in ours if entry[0] not in known)
