"""The hub's routes that are ours; importing the spawner puts them into the hub."""

from __future__ import annotations

from typing import Any

from jupyterhub import apihandlers, handlers
from tornado.routing import Router

__all__ = ["add_api", "add_page"]


def add_api(route: str, handler: type[Any]) -> None:
    """Answer `route` below ``/hub/api`` (a regular expression); a second time changes nothing."""
    _add(apihandlers.default_handlers, route, handler)


def add_page(route: str, handler: type[Any] | Router) -> None:
    """Answer `route` below ``/hub``, before the hub's own pages and all that programs ask."""
    _add(handlers.default_handlers, route, handler)


def _add(entries: list[Any], route: str, handler: type[Any] | Router) -> None:
    if all(entry[1] is not handler for entry in entries):
        entries.insert(0, (route, handler))
