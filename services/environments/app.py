"""The web application of the service, and its life from start to end."""

from __future__ import annotations

from collections import Counter

from tornado import web

from environments.site import Site, load_site
from queues.policy import QueuePolicy, load_policy
from services.environments import api, pages
from services.environments.clerk import Clerk
from services.environments.desk import Desk
from services.environments.follow import Follows
from services.environments.settings import Settings
from services.handlers import application
from services.serving import answer
from slurm.monitor import Monitor

__all__ = ["LARGEST_BODY", "make_app", "serve"]

LARGEST_BODY = 512 * 1024
"""Bytes of a request; a larger one is not read."""


def make_app(settings: Settings, desk: Desk, clerk: Clerk, follows: Follows) -> web.Application:
    """Return the application that answers below the service's prefix."""
    return application(
        [*api.ROUTES, *pages.ROUTES],
        settings.place,
        "environments",
        nothing=pages.NoSuchPageHandler,
        desk=desk,
        clerk=clerk,
        follows=follows,
        streams=Counter(),
        xsrf_cookie_kwargs={"samesite": "Lax", "httponly": True},
    )


async def serve(settings: Settings) -> None:
    """Answer until told to end.

    Raises
    ------
    queues.policy.PolicyError, environments.site.SiteError
        When the queues, or the environments, of the site cannot be used.
    """
    site: Site = load_site(settings.site)
    policy: QueuePolicy = load_policy(settings.queues)
    desk = Desk(settings, Monitor())
    clerk = Clerk(settings, site, policy, desk)
    follows = Follows(desk)
    app = make_app(settings, desk, clerk, follows)
    await answer(app, settings.place, "environments", max_body_size=LARGEST_BODY)
    await follows.close()
    await clerk.close()
    await desk.close()
