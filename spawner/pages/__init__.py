"""The hub's pages and routes about servers that run."""

from spawner.pages.facts import FactsHandler
from spawner.routes import add_api

__all__ = ["register"]


def register() -> None:
    """Put them into the hub; calling it twice changes nothing."""
    add_api(r"/api/hpchub/server", FactsHandler)
