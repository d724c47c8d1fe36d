"""``/hub/hpchub/new?name=NAME``: the form for a server with a name, which a form's address cannot hold."""

from __future__ import annotations

from urllib.parse import quote

from tornado import web

from spawner.pages.page import ServerPage

__all__ = ["NewServerHandler"]


class NewServerHandler(ServerPage):
    """Leads on to the spawn page; nothing is started, and whether the name will do is said there."""

    @web.authenticated
    async def get(self) -> None:
        name = self.get_query_argument("name", "")
        place = f"spawn/{self.current_user.escaped_name}/{quote(name, safe='')}" if name else "home"
        self.redirect(f"{self.hub.base_url}{place}", status=303)
