"""The hub's spawn page, for whoever presses Start twice: the second press leads where the first one led."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from jupyterhub import handlers
from jupyterhub.handlers.pages import SpawnHandler
from jupyterhub.slugs import is_valid_safe_slug
from tornado import web
from tornado.httputil import url_concat

import texts
from spawner.opening import FilledByLink
from spawner.remembering import shown
from texts import mark as _

__all__ = ["StartHandler", "replace_spawn_page"]

_BAD_NAME = _(
    "A server cannot have this name. Take small letters, digits and single hyphens, at most 30,"
    " a letter first."
)
_TOO_MANY = _("You have as many servers with names as you may. Delete one on the home page first.")


class StartHandler(FilledByLink, SpawnHandler):
    """The hub answers a second press with an error 400, although nothing is wrong."""

    async def prepare(self) -> None:
        """Refuse what is not UTF-8 with 400: the hub's page would fail at it, and call it its own error."""
        await super().prepare()  # type: ignore[no-untyped-call]
        for name in self.request.arguments:
            self.get_arguments(name)

    def check_xsrf_cookie(self) -> None:
        """Give a form that is older than its reader's login back, filled in: a link starts nothing.

        Whoever has let the login end while choosing logs in again, and presses Submit once more.
        """
        try:
            super().check_xsrf_cookie()  # type: ignore[no-untyped-call]
        except web.HTTPError as error:
            elsewhere = self.request.headers.get("Sec-Fetch-Site") == "cross-site"
            if self.request.method != "POST" or elsewhere or "_xsrf" not in self.request.body_arguments:
                raise
            self.log.info("A form at %s is sent back: %s", self.request.path, error.log_message)
            typed = {name: self.get_body_argument(name) for name in self.request.body_arguments}
            self.redirect(url_concat(self.request.path, shown(typed)), status=303)

    async def _check_named_server_request(self, user: Any, server_name: str, *more: Any, **rest: Any) -> None:
        """Say in the reader's language why there is no server of this name."""
        try:
            await super()._check_named_server_request(user, server_name, *more, **rest)  # type: ignore[no-untyped-call]
        except web.HTTPError as error:
            is_new = server_name not in user.orm_spawners
            if is_new and "maximum" in (error.log_message or ""):
                error.jupyterhub_message = texts.translate(texts.language_of(self), _TOO_MANY)  # type: ignore[attr-defined]
            elif is_new and not is_valid_safe_slug(server_name):
                error.jupyterhub_message = texts.translate(texts.language_of(self), _BAD_NAME)  # type: ignore[attr-defined]
            raise

    @web.authenticated
    def post(self, user_name: str | None = None, server_name: str = "", display_name: str = "") -> Any:
        place = self._already_there(user_name or self.current_user.name, server_name or "")
        if place:
            return self.redirect(place, status=303)
        return super().post(user_name, server_name, display_name)

    async def _wrap_spawn_single_user(
        self,
        user: Any,
        server_name: str,
        display_name: str,
        spawner: Any,
        pending_url: str,
        options: Any = None,
    ) -> Any:
        """Start it; a press that another one overtook on the way leads where that one led."""
        try:
            return await super()._wrap_spawn_single_user(  # type: ignore[no-untyped-call]
                user, server_name, display_name, spawner, pending_url, options
            )
        except web.HTTPError as error:
            if error.status_code == 500 and spawner.active:
                return self.redirect(pending_url, status=303)
            raise

    def _already_there(self, user_name: str, server_name: str) -> str:
        """Return the address of a server that runs or is on its way, if whoever asks may start it."""
        allowed = self.has_scope(f"servers!user={user_name}")  # type: ignore[no-untyped-call]
        user = self.find_user(user_name) if allowed else None  # type: ignore[no-untyped-call]
        if user is None or server_name not in user.spawners:
            return ""
        spawner = user.spawners[server_name]
        if spawner.ready:
            return str(user.server_url(server_name))
        if spawner.active:
            path = f"{user.escaped_name}/{quote(server_name, safe='')}".rstrip("/")
            return f"{self.hub.base_url}spawn-pending/{path}"
        return ""


def replace_spawn_page() -> None:
    """Put ours in the place of the hub's handler; calling it twice changes nothing."""
    entries = handlers.default_handlers
    for number, entry in enumerate(entries):
        if entry[1] is SpawnHandler:
            entries[number] = (entry[0], StartHandler, *entry[2:])
