"""The pages themselves: what somebody is shown, and where he can go on from there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from tornado import httpserver, netutil, web
from tornado.httpclient import AsyncHTTPClient

from services.environments.desk import Desk
from services.environments.follow import Follows
from services.environments.pages import ActionHandler
from tests.services.environments.kit import ACTION, BEGIN, END, World, name
from tests.templates.pages import Page

PREFIX = "/services/environments/"
START = "/hub/spawn?environment=own%3Anotebook"

Shown = Callable[[], Awaitable[Page]]


class Anna(ActionHandler):
    """For anna; who that is finds out the hub elsewhere."""

    async def prepare(self) -> None:
        self._asking = {"name": "anna", "kind": "user"}

    @property
    def xsrf_token(self) -> bytes:
        return b"token"


@pytest.fixture
async def action_page(world: World, desk: Desk) -> AsyncIterator[Shown]:
    """Give what shows the action's page."""
    follows = Follows(desk, interval=0.05)
    place = world.settings.place
    settings: dict[str, Any] = {"base_url": "/", "prefix": PREFIX, "service": "environments", "place": place}
    app = web.Application([(f"{PREFIX}actions/([0-9a-f]+)", Anna)], desk=desk, follows=follows, **settings)
    sockets = netutil.bind_sockets(0, "127.0.0.1")
    server = httpserver.HTTPServer(app)
    server.add_sockets(sockets)
    port = sockets[0].getsockname()[1]

    async def show() -> Page:
        answer = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}{PREFIX}actions/{ACTION}")
        return Page(answer.body.decode())

    yield show
    server.stop()
    await server.close_all_connections()
    await follows.close()


def begun(verb: str) -> dict[str, Any]:
    return {**BEGIN, "about": {**BEGIN["about"], "action": {"verb": verb, "environment": "notebook"}}}


def environment(**more: Any) -> dict[str, Any]:
    facts = {"name": "notebook", "prefix": "/scratch/anna/.conda/envs/notebook", "engine": "rattler"}
    return {**facts, "packages": 3, "python": "3.12.1", "server": True, "kernel": True, **more}


def ways_on(page: Page) -> list[str]:
    return [one.text for one in page.all("a", href=START) if one.inside("main")]


@pytest.mark.parametrize("verb", ["bootstrap", "import", "clone", "reset", "rollback"])
async def test_an_environment_that_is_done_leads_to_the_form_that_starts_a_server_from_it(
    world: World, action_page: Shown, verb: str
) -> None:
    world.journal("anna", begun(verb))
    world.queue(("77", "RUNNING", "anna", "None", name(verb)))
    world.has([environment()], [])
    assert ways_on(await action_page()) == []
    world.journal("anna", END)
    world.queue()
    assert ways_on(await action_page()) == ["Start a server"]


@pytest.mark.parametrize(
    ("verb", "left"),
    [
        ("delete", []),
        ("bootstrap", []),
        ("import", [environment(server=False)]),
        ("clone", [environment(busy="0123456789abcdef")]),
        ("snapshot", [environment()]),
    ],
    ids=["deleted", "deleted since", "only a kernel", "being changed again", "nothing new"],
)
async def test_what_starts_no_server_leads_to_none(
    world: World, action_page: Shown, verb: str, left: list[dict[str, Any]]
) -> None:
    world.journal("anna", begun(verb), END)
    world.has(left, [])
    page = await action_page()
    assert "Done." in page.one("main").text
    assert ways_on(page) == []
