"""The hub's pages and routes about servers that run, or ran."""

from spawner.opening import register as register_form
from spawner.pages.extend import ExtendAPIHandler, ExtendHandler
from spawner.pages.facts import FactsHandler
from spawner.pages.jobs import JobsHandler
from spawner.pages.log import LogHandler
from spawner.pages.new import NewServerHandler
from spawner.pages.page import SERVER
from spawner.pages.start import replace_spawn_page
from spawner.pages.stop import StopHandler
from spawner.routes import add_api, add_page

__all__ = ["register"]


def register() -> None:
    """Put them into the hub; calling it twice changes nothing."""
    add_api(r"/api/hpchub/server", FactsHandler)
    add_api(r"/api/hpchub/server/extend", ExtendAPIHandler)
    add_page(r"/hpchub/jobs", JobsHandler)
    add_page(r"/hpchub/new", NewServerHandler)
    add_page(rf"/hpchub/log{SERVER}", LogHandler)
    add_page(rf"/hpchub/stop{SERVER}", StopHandler)
    add_page(rf"/hpchub/extend{SERVER}", ExtendHandler)
    replace_spawn_page()
    register_form()
