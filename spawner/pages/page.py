"""What the pages about one server have in common: whose it is, and who may see it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from jupyterhub.handlers.base import BaseHandler
from tornado import web

import texts
from slurm.records import Sentence
from texts import mark as _

__all__ = ["SERVER", "ServerPage", "server_path"]

SERVER = r"/([^/]+)(?:/([^/]+))?"
"""The end of a route: the user's name, and the server's, if it has one."""

_NO_SERVER = _("There is no such server.")
_FORM_EXPIRED = _("This form had expired. Open the page again, then send it once more.")


class ServerPage(BaseHandler):
    """A page that no browser and no proxy keeps."""

    def set_default_headers(self) -> None:
        super().set_default_headers()  # type: ignore[no-untyped-call]
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")

    def check_xsrf_cookie(self) -> None:
        """Say in the reader's language what is the matter; the log gets JupyterHub's words."""
        try:
            super().check_xsrf_cookie()  # type: ignore[no-untyped-call]
        except web.HTTPError as error:
            self.log.warning("XSRF error at %s: %s", self.request.path, error.log_message)
            raise self.mistake(_FORM_EXPIRED, 403) from None

    def spawner_of(self, user_name: str, server_name: str | None, scope: str) -> Any:
        """Return the spawner of a server, for whoever has the scope for it.

        Raises
        ------
        web.HTTPError
            404 where there is none, and where the scope is missing: which servers there are is private.
        """
        name = server_name or ""
        allowed = self.has_scope(f"{scope}!server={user_name}/{name}")  # type: ignore[no-untyped-call]
        user = self.find_user(user_name) if allowed else None  # type: ignore[no-untyped-call]
        if user is None or (name and name not in user.orm_spawners):
            raise self.mistake(_NO_SERVER, 404)
        return user.spawners[name]

    @property
    def lang(self) -> str:
        return texts.language_of(self)

    def mistake(self, msgid: str, status: int) -> web.HTTPError:
        """Return an error that tells the person this sentence on the hub's error page."""
        error = web.HTTPError(status, msgid)
        error.jupyterhub_message = texts.translate(self.lang, msgid)  # type: ignore[attr-defined]
        return error

    async def show(
        self, template: str, spawner: Any, *, problem: Sentence | None = None, **names: Any
    ) -> None:
        """Show a page about a server; `problem` is said at its top."""
        html = await self.render_template(  # type: ignore[no-untyped-call]
            template, spawner=spawner, owner=spawner.user, path=server_path(spawner), problem=problem, **names
        )
        self.finish(html)  # type: ignore[no-untyped-call]


def server_path(spawner: Any) -> str:
    """Give a server's place in addresses: USER or USER/SERVER, quoted."""
    user = str(spawner.user.escaped_name)
    return f"{user}/{quote(spawner.name, safe='')}" if spawner.name else user
