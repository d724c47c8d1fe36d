"""Settles at a start what the server is started from, and looks whether an own environment can serve."""

from __future__ import annotations

import asyncio
import pwd
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from environments.site import Site
from slurm.records import Sentence
from spawner.options import OptionsError, Request
from spawner.own_environments import Own
from spawner.source import Source, source_of
from texts import mark as _

if TYPE_CHECKING:
    from spawner.choosing import TakesOptions

__all__ = ["settled"]

PATIENCE: Final = 10.0  # seconds that a start waits for the helper; without an answer it goes on

_GONE = _(
    "There is no environment “%(name)s” any more. Choose another one, or make it again under"
    " “My environments”."
)
_NO_SERVER = _(
    "No notebook server can be started from the environment “%(name)s”: it is broken, or jupyterhub and"
    " jupyter_server are not in it. Choose another one, or press Reset under “My environments”."
)
_BUSY = _(
    "The environment “%(name)s” is being changed at the moment. Wait until that has ended, which you can see"
    " under “My environments”, or choose another one."
)
_FIRST = _(
    "At this site servers start from an environment of your own, and you have no “%(name)s” yet. Press"
    " Bootstrap under “My environments”: it takes a moment, once. Or choose another environment."
)


async def settled(spawner: TakesOptions, request: Request) -> Request:
    """Return the request with its environment: the default where none was chosen.

    Raises
    ------
    spawner.options.OptionsError
        When an own environment is gone, broken or being changed. Where the helper does not answer, nobody is
        refused: the job looks once more when it starts.
    """
    site = spawner.shared().site
    if site is None:
        return replace(request, environment="")
    source = source_of(request.environment)
    if source is None:
        return replace(request, environment=str(await _default(spawner, site)))
    if source.kind == "own":
        own = await _look(spawner, source.name)
        if own is not None and (problem := _obstacle(own)):
            spawner.shared().environments.forget(spawner.user.name)
            raise OptionsError("environment", problem)
    if source.kind == "image":
        spawner.user_home = await _home(spawner.user.name)
    return request


async def _home(user: str) -> Path | None:
    """Return where the user's home is, which an image has to have at the same place."""
    try:
        # The accounts may come from a directory that does not answer at once.
        async with asyncio.timeout(PATIENCE):
            return Path((await asyncio.to_thread(pwd.getpwnam, user)).pw_dir)
    except (KeyError, TimeoutError):
        return None


async def _default(spawner: TakesOptions, site: Site) -> Source:
    """Choose for somebody who has not chosen: the usual own environment, or else the site's."""
    own = await _look(spawner, site.default)
    usual = Source("own", site.default)
    if own is None:
        return usual if site.without == "require" else Source("site")
    if own.server and not own.busy:
        return usual
    if site.without == "require":
        first = not own.python and not own.busy
        raise OptionsError(
            "environment", (None if first else _obstacle(own)) or Sentence(_FIRST, {"name": site.default})
        )
    return Source("site")


async def _look(spawner: TakesOptions, name: str) -> Own | None:
    return await spawner.shared().environments.one(spawner.acts, spawner.user.name, name, PATIENCE)


def _obstacle(own: Own) -> Sentence | None:
    params: dict[str, object] = {"name": own.name}
    if own.busy:
        return Sentence(_BUSY, params)
    if not own.python:
        return Sentence(_GONE, params)
    return None if own.server else Sentence(_NO_SERVER, params)
