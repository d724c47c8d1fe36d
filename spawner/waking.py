"""Begins with the hub what must not wait for its first visitor.

Jobs that the hub before this one could not cancel, and jobs that belong to no server, hold nodes and are
charged. They are looked after by what all servers share (`spawner.office`), which the first server opens;
after a restart at night, with no server running, that could be the first page of the next morning.
"""

from __future__ import annotations

import functools

from jupyterhub import orm
from jupyterhub.app import JupyterHub

__all__ = ["open_office", "open_with_the_hub"]


def open_office(hub: JupyterHub) -> None:
    """Open the office through any server that the database knows, running or not; never raises."""
    row = hub.db.query(orm.Spawner).first()
    if row is None:
        return
    try:
        spawner = hub.users[row.user].spawners[row.name]
        if hasattr(spawner, "shared"):
            spawner.shared()
    except Exception:  # pages will say what is wrong; without them nobody could be told
        hub.log.exception("Jobs that are still to be cancelled are not looked after yet")


def open_with_the_hub() -> None:
    """Have the hub do so when it takes up its servers; to be called once."""
    init_spawners = JupyterHub.init_spawners

    @functools.wraps(init_spawners)
    async def init(hub: JupyterHub) -> int:
        open_office(hub)
        return int(await init_spawners(hub))  # type: ignore[no-untyped-call]

    JupyterHub.init_spawners = init  # type: ignore[method-assign]
