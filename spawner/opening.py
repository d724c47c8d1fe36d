"""What stands in a link to the form, and the form's own routes.

The hub's own page starts a server from a link's query, without anybody having pressed anything. A link can
come from anywhere, and a start can cost money: ours fills in the form, and leaves Submit to the reader.
"""

from __future__ import annotations

from typing import Any

from spawner import asking, figures, preset_pages, quick
from spawner.remembering import from_link
from spawner.routes import add_api, add_page

__all__ = ["FilledByLink", "register"]


class FilledByLink:
    """For the hub's spawn page: choices in a link go into the form, and no further."""

    link: dict[str, str]

    def _get_user_options(self, query_options: dict[str, list[str]]) -> dict[str, Any]:
        self.link = from_link(query_options)
        return {}  # nothing that the hub would start with


def register() -> None:
    """Put the form's routes into the hub; calling it twice changes nothing."""
    add_api(r"/api/hpchub/expected", asking.ExpectedHandler)
    add_api(r"/api/hpchub/queues", figures.FiguresHandler)
    add_page(r"/api/hpchub/queues", quick.ROUTER)
    preset_pages.register()
