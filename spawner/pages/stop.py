"""``/hub/hpchub/stop/USER[/SERVER]``: stop or cancel without JavaScript, after a question."""

from __future__ import annotations

from tornado import web

from slurm.records import Sentence
from spawner.pages.page import ServerPage
from spawner.stopping import stop_server
from texts import mark as _

__all__ = ["StopHandler"]

_BUSY = _("The server is just being started or stopped. Wait a few seconds, then try again.")


class StopHandler(ServerPage):
    """GET asks, POST stops."""

    @web.authenticated
    async def get(self, user_name: str, server_name: str | None = None) -> None:
        spawner = self.spawner_of(user_name, server_name, "delete:servers")
        if not spawner.active or spawner.pending == "stop":
            self.redirect(f"{self.hub.base_url}home", status=303)
            return
        await self.show("server_stop.html", spawner)

    @web.authenticated
    async def post(self, user_name: str, server_name: str | None = None) -> None:
        spawner = self.spawner_of(user_name, server_name, "delete:servers")
        if spawner.active and not await stop_server(self, spawner.user, spawner.name):
            self.set_status(409)
            await self.show("server_stop.html", spawner, problem=Sentence(_BUSY, {}))
            return
        self.redirect(f"{self.hub.base_url}home", status=303)
