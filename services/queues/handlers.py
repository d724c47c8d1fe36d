"""The service's two addresses."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import texts
from queues.table import QueueTable
from services.handlers import Handler
from services.queues.desk import Desk
from services.queues.page import render_page
from services.queues.view import format_table

__all__ = ["ApiHandler", "PageHandler"]


class _Handler(Handler):
    def table(self) -> Awaitable[QueueTable]:
        """Return the table of who asks."""
        desk: Desk = self.settings["desk"]
        model = self.current_user
        return desk.table_for(
            model["name"],
            frozenset(model.get("groups") or ()),
            refresh=self.get_query_argument("refresh", "") == "1",
            person=model.get("kind") == "user",
        )


class ApiHandler(_Handler):
    """``GET api/v1/queues``: the table as JSON."""

    async def get(self) -> None:
        self.write_json(format_table(await self.table(), self.lang))


class PageHandler(_Handler):
    """The same for a person; a browser without a login is sent to the hub's."""

    def refuse_stranger(self) -> None:
        self.redirect(self.get_login_url())  # type: ignore[no-untyped-call]

    async def get(self) -> None:
        table = await self.table()
        self.finish(render_page(table, self.lang, self.frame))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(texts.say(self.lang, self.explain(status_code)))
