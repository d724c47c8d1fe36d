"""What the hub hears of its proxy's routes, round after round."""

from __future__ import annotations

import copy
from typing import Any

from jupyterhub.proxy import ConfigurableHTTPProxy

from spawner.sparing_proxy import ROUNDS, SparingProxy, to_note


class Told(SparingProxy):
    """A proxy whose program has these routes."""

    has: dict[str, dict[str, Any]]

    async def api_request(self, path: str, *args: Any, **kwargs: Any) -> Any:
        has = copy.deepcopy(self.has)

        class Answer:
            async def json(self) -> Any:
                return has

        return Answer()


def route(number: int, used: str) -> dict[str, Any]:
    return {
        "target": f"http://gpu01:{number}",
        "jupyterhub": True,
        "user": f"u{number}",
        "server_name": "",
        "last_activity": used,
    }


def proxy_with(number: int) -> Told:
    proxy = Told(auth_token="none", should_start=False)
    proxy.has = {f"/user/u{n}": route(n, "2026-11-21T10:00:00Z") for n in range(number)}
    proxy.has["/"] = {"target": "http://hub", "jupyterhub": True, "hub": True, "last_activity": "x"}
    return proxy


def noted(routes: dict[str, Any]) -> set[str]:
    return {
        spec for spec, route in routes.items() if "last_activity" in route["data"] and "user" in route["data"]
    }


async def test_every_route_is_there_in_every_round() -> None:
    proxy = proxy_with(100)
    for _ in range(3):
        routes = await proxy.get_all_routes()
        assert len(routes) == 101
        assert routes["/user/u7/"]["target"] == "http://gpu01:7"


async def test_everybody_s_activity_is_noted_in_some_rounds_and_a_share_at_a_time() -> None:
    proxy = proxy_with(100)
    rounds = [noted(await proxy.get_all_routes()) for _ in range(ROUNDS)]
    assert set().union(*rounds) == set(map("/user/u{}/".format, range(100)))
    assert max(map(len, rounds)) <= 101 / ROUNDS + 1


async def test_what_was_noted_is_not_noted_again_until_it_is_used() -> None:
    proxy = proxy_with(20)
    for _ in range(ROUNDS + 1):
        await proxy.get_all_routes()
    assert noted(await proxy.get_all_routes()) == set()
    proxy.has["/user/u3"]["last_activity"] = "2026-11-21T10:05:00Z"
    assert noted(await proxy.get_all_routes()) == {"/user/u3/"}


async def test_routes_that_are_gone_are_forgotten() -> None:
    proxy = proxy_with(20)
    await proxy.get_all_routes()
    proxy.has = {}
    await proxy.get_all_routes()
    assert proxy._noted == {}


def test_who_was_noted_longest_ago_comes_first() -> None:
    used = {"a": "2", "b": "2", "c": "2"}
    assert to_note(used, {"a": (5, "1"), "b": (2, "1"), "c": (9, "1")}, rounds=3) == {"b"}


def test_a_few_servers_are_noted_at_once() -> None:
    assert to_note({"a": "1"}, {}, rounds=10) == {"a"}


def test_site_s_settings_of_the_stock_proxy_count() -> None:
    assert issubclass(SparingProxy, ConfigurableHTTPProxy), "c.ConfigurableHTTPProxy.api_url is for it, too"
