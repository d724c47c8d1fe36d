"""What all servers of a hub share: one look at Slurm, one queue policy, one list of who may charge what."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

from traitlets.config import Config

from environments.site import Site
from queues.policy import Queue, QueuePolicy, load_policy
from slurm.accounts import Accounts
from slurm.acting import ActsAsUser
from slurm.client import SlurmClient
from slurm.monitor import Monitor
from spawner.abandoned import Abandoned
from spawner.cancelling import cancel
from spawner.expecting import Expectations
from spawner.options import Standing
from spawner.orphans import Orphans
from spawner.own_environments import OwnEnvironments
from spawner.turns import Turns

__all__ = ["Office"]

PROBES_AT_ONCE = (
    50  # servers that are asked at once whether they answer; the hub's client has 100 connections
)


class Office:
    """One per hub process; made when the first server needs it.

    Parameters
    ----------
    at_once : int
        Calls of the helper that may run at the same time.
    site : Site or None
        What servers can be started from; None where that is the site's own Python alone.
    """

    def __init__(
        self,
        config: Config,
        queues_file: Path,
        log: logging.Logger,
        *,
        at_once: int = 8,
        site: Site | None = None,
    ) -> None:
        self.log = log
        self.site = site
        self.environments = OwnEnvironments(log)
        self.policy: QueuePolicy = load_policy(queues_file)
        self.client = SlurmClient(config=config, log=log)
        self.monitor = Monitor(client=self.client, config=config, log=log)
        self.accounts = Accounts(self.client, log)
        self.abandoned = Abandoned(self.monitor, log)
        self.expectations = Expectations(log)
        self.turns = Turns(at_once)
        self.probes = asyncio.Semaphore(PROBES_AT_ONCE)
        self.orphans: Orphans | None = None

    async def standing(self, user: Any) -> Standing:
        """Say who a hub user is to the queues: groups from the directory, accounts from Slurm."""
        groups = frozenset(group.name for group in user.groups)
        associations = await self.accounts.of(user.name)
        if associations is None:
            return Standing(user.name, groups, None)
        default = next((one.account for one in associations if one.default), None)
        accounts = frozenset(one.account for one in associations)
        return Standing(user.name, groups, accounts, default, associations)

    def queue_of(self, options: dict[str, Any]) -> Queue:
        """Return the queue that options name, or the usual one."""
        return self.policy.queue(str(options.get("queue"))) or self.policy.queues[0]

    async def cancel(self, acts: ActsAsUser, user: str, job_id: str, name: str) -> None:
        """Cancel a job as its user, see `spawner.cancelling`."""
        await cancel(self.turns, acts, user, job_id, name)

    async def close(self) -> None:
        if self.orphans is not None:
            self.orphans.close()
        self.abandoned.close()
        await self.expectations.close()
        await self.accounts.close()
        await self.monitor.close()
