"""What all servers of a hub share: one look at Slurm, one queue policy, one list of who may charge what."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from traitlets.config import Config

from queues.policy import Queue, QueuePolicy, load_policy
from slurm.accounts import Accounts
from slurm.client import SlurmClient
from slurm.monitor import Monitor
from spawner.abandoned import Abandoned
from spawner.expecting import Expectations
from spawner.options import Standing

__all__ = ["Office"]


class Office:
    """One per hub process; made when the first server needs it."""

    def __init__(self, config: Config, queues_file: Path, log: logging.Logger) -> None:
        self.log = log
        self.policy: QueuePolicy = load_policy(queues_file)
        self.client = SlurmClient(config=config, log=log)
        self.monitor = Monitor(client=self.client, config=config, log=log)
        self.accounts = Accounts(self.client, log)
        self.abandoned = Abandoned(self.monitor, log)
        self.expectations = Expectations(log)

    async def standing(self, user: Any) -> Standing:
        """Say who a hub user is to the queues: groups from the directory, accounts from Slurm."""
        groups = frozenset(group.name for group in user.groups)
        associations = await self.accounts.of(user.name)
        if associations is None:
            return Standing(user.name, groups, None)
        default = next((one.account for one in associations if one.default), None)
        return Standing(user.name, groups, frozenset(one.account for one in associations), default)

    def queue_of(self, options: dict[str, Any]) -> Queue:
        """Return the queue that options name, or the usual one."""
        return self.policy.queue(str(options.get("queue"))) or self.policy.queues[0]

    async def close(self) -> None:
        self.abandoned.close()
        await self.expectations.close()
        await self.accounts.close()
        await self.monitor.close()
