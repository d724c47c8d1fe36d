"""The proxy's routes, without the part of them that would hold up the hub.

Every `last_activity_interval` JupyterHub reads all routes from the proxy, to put back those that a restarted
proxy lost, and to note when each server was last used. The second takes a query of its database for each
server, one after another, in which no page is answered: 1.3 s for a thousand servers. Looking for lost routes
is cheap and should be done often; noting activity need not be, for servers report theirs themselves as well.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from jupyterhub.proxy import ConfigurableHTTPProxy

from spawner.backlog import make_room
from spawner.collecting import spare_the_collector

__all__ = ["SparingProxy", "to_note"]

ACTIVITY: Final = "last_activity"
# Of ten seconds each, so that all are noted within JupyterHub's usual five minutes.
ROUNDS: Final = 30


class SparingProxy(ConfigurableHTTPProxy):
    """configurable-http-proxy, whose activity is noted a share at a time."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self._noted: dict[str, tuple[int, str]] = {}
        self._round = 0
        self._has_begun = False

    async def get_all_routes(self) -> dict[str, Any]:
        """Return all routes; only some of them say when they were last used."""
        # The hub asks for them as soon as it listens, with all of its people and servers in memory.
        if not self._has_begun and make_room(getattr(self.app, "http_server", None)):
            self._has_begun = True
            spare_the_collector()
        routes: dict[str, Any] = await super().get_all_routes()  # type: ignore[no-untyped-call]
        self._round += 1
        used = {
            spec: str(route["data"][ACTIVITY]) for spec, route in routes.items() if ACTIVITY in route["data"]
        }
        chosen = to_note(used, self._noted, ROUNDS)
        self._noted = {spec: told for spec, told in self._noted.items() if spec in routes}
        for spec in used:
            if spec in chosen:
                self._noted[spec] = (self._round, used[spec])
            else:
                del routes[spec]["data"][ACTIVITY]
        return routes


def to_note(used: Mapping[str, str], noted: Mapping[str, tuple[int, str]], rounds: int) -> frozenset[str]:
    """Choose whose activity is noted now: those with news, the longest unnoted first.

    Parameters
    ----------
    used : mapping
        When each route was last used, as the proxy says it.
    noted : mapping
        In which round each was noted last, and what it was then.
    rounds : int
        Over how many rounds all are spread.
    """
    news = [spec for spec, when in used.items() if spec not in noted or noted[spec][1] != when]
    news.sort(key=lambda spec: noted[spec][0] if spec in noted else 0)
    return frozenset(news[: math.ceil(len(used) / rounds)])
