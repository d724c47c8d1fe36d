"""Puts a user's table together: the policy, Slurm's figures, and what the user may charge."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import Final

from queues.policy import QueuePolicy
from queues.table import QueueTable, build_table
from slurm.accounts import Accounts
from slurm.monitor import Monitor

__all__ = ["Desk"]

log = logging.getLogger(__name__)

_MAX_AGE: Final = 30.0
_PATIENCE: Final = 8.0


class Desk:
    """Answers for one process; asks Slurm only when somebody looks.

    Parameters
    ----------
    policy : QueuePolicy
        Which queues there are.
    monitor : Monitor
        Decides how often Slurm may be asked, however many look.
    """

    def __init__(self, policy: QueuePolicy, monitor: Monitor) -> None:
        self._policy = policy
        self._monitor = monitor
        self._accounts = Accounts(monitor.client, log)

    async def table_for(
        self, user: str, groups: frozenset[str], *, refresh: bool = False, person: bool = True
    ) -> QueueTable:
        """Return the table for a user; never raises for Slurm's sake.

        Parameters
        ----------
        refresh : bool
            Ask Slurm again if it may be asked; else figures of the last half minute will do.
        person : bool
            False for a hub service, which has no Slurm accounts to look for.
        """
        max_age = 0.0 if refresh else _MAX_AGE
        # A page with old figures is worth more than none: whoever waits gives up before the browser does.
        _jobs, _nodes, associations = await asyncio.gather(
            self._monitor.look_jobs(max_age, _PATIENCE),
            self._monitor.look_nodes(max_age, _PATIENCE),
            self._accounts.of(user) if person else _nobody(),
        )
        return build_table(
            self._policy,
            self._monitor.snapshot,
            datetime.now(UTC),
            user=user,
            groups=groups,
            accounts=None if associations is None else frozenset(one.account for one in associations),
            associations=associations,
        )

    async def close(self) -> None:
        """Stop asking."""
        await self._monitor.close()
        await self._accounts.close()


async def _nobody() -> None:
    return None
