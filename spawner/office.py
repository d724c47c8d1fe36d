"""What all servers of a hub share: one look at Slurm, one queue policy, one list of who may charge what."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

from traitlets.config import Config

from queues.policy import Queue, QueuePolicy, load_policy
from slurm.client import SlurmClient
from slurm.errors import SlurmError
from slurm.monitor import Monitor
from slurm.records import Association
from spawner.abandoned import Abandoned
from spawner.options import Standing

__all__ = ["Office"]

ASSOCIATIONS_MAX_AGE = 300.0  # seconds; projects change a few times a day
FAILED_MAX_AGE = 30.0  # seconds before an accounting database that failed is asked again


class Office:
    """One per hub process; made when the first server needs it."""

    def __init__(self, config: Config, queues_file: Path, log: logging.Logger) -> None:
        self.log = log
        self.policy: QueuePolicy = load_policy(queues_file)
        self.client = SlurmClient(config=config, log=log)
        self.monitor = Monitor(client=self.client, config=config, log=log)
        self.abandoned = Abandoned(self.monitor, log)
        self._associations: tuple[Association, ...] | None = None
        self._associations_until = 0.0

    async def standing(self, user: Any) -> Standing:
        """Say who a hub user is to the queues: groups from the directory, accounts from Slurm."""
        associations = await self._all_associations()
        groups = frozenset(group.name for group in user.groups)
        if associations is None:
            return Standing(user.name, groups, None)
        own = [one for one in associations if one.user == user.name]
        default = next((one.account for one in own if one.default), None)
        return Standing(user.name, groups, frozenset(one.account for one in own), default)

    async def _all_associations(self) -> tuple[Association, ...] | None:
        """Ask for everybody's at once, rarely; None while the accounting database does not answer."""
        if time.monotonic() >= self._associations_until:
            try:
                self._associations = await self.client.associations()
                age = ASSOCIATIONS_MAX_AGE
            except SlurmError as error:
                # An old answer is better than none: projects seldom lose a member within the hour.
                self.log.warning("Slurm's accounting database did not answer: %s", error)
                age = FAILED_MAX_AGE
            self._associations_until = time.monotonic() + age
        return self._associations

    def queue_of(self, options: dict[str, Any]) -> Queue:
        """Return the queue that options name, or the usual one."""
        return self.policy.queue(str(options.get("queue"))) or self.policy.queues[0]

    async def close(self) -> None:
        self.abandoned.close()
        await self.monitor.close()
