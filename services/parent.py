"""Services end with the hub that started them, even when it was killed and could not tell them."""

from __future__ import annotations

import asyncio
import os

__all__ = ["until_orphaned"]


async def until_orphaned(interval: float = 0.5) -> None:
    """Return when the process that started this one is gone.

    A service that outlives its hub keeps its port, and the next hub's service cannot start, or shares the
    port with it. Which process is the hub stands in ``HPCHUB_HUB_PID`` (see jupyterhub_config.py): a hub that
    ends while this one is starting has ended before anybody here could ask who the parent is.

    Parameters
    ----------
    interval : float
        Seconds between two looks.
    """
    parent = int(os.environ.get("HPCHUB_HUB_PID") or os.getppid())
    while os.getppid() == parent:  # noqa: ASYNC110 - nobody tells a process that its parent is gone
        await asyncio.sleep(interval)
