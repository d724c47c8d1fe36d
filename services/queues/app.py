"""The web application of the service, and its life from start to end."""

from __future__ import annotations

from tornado import web

from queues.policy import load_policy
from services.handlers import NoSuchAddressHandler, application
from services.queues.desk import Desk
from services.queues.handlers import ApiHandler, PageHandler
from services.queues.settings import Settings
from services.serving import answer
from slurm.monitor import Monitor

__all__ = ["make_app", "serve"]


def make_app(desk: Desk, settings: Settings) -> web.Application:
    """Return the application that answers below the service's prefix."""
    routes = [("", PageHandler), ("api/v1/queues", ApiHandler)]
    return application(routes, settings.place, "queues", nothing=NoSuchAddressHandler, desk=desk)


async def serve(settings: Settings) -> None:
    """Answer until told to end.

    Raises
    ------
    queues.policy.PolicyError
        When the queues of the site cannot be used.
    """
    desk = Desk(load_policy(settings.queues), Monitor())
    await answer(make_app(desk, settings), settings.place, "queues")
    await desk.close()
