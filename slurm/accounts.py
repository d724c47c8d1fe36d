"""Who may charge which Slurm accounts: asked for all users at once, and rarely."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, TypeAlias

from slurm.client import SlurmClient
from slurm.look import Look
from slurm.records import Association
from slurm.rules import Rules

__all__ = ["Accounts"]

_Log: TypeAlias = logging.Logger | logging.LoggerAdapter[logging.Logger]

_MAX_AGE: Final = 300.0
# Two questions, that Slurm's database hears half as often: with the one above two in five minutes.
_RULES_MAX_AGE: Final = 600.0
_MIN_INTERVAL: Final = 30.0
_PATIENCE: Final = 5.0


class Accounts:
    """The associations of every user, at most five minutes old, and all limits, at most ten.

    Parameters
    ----------
    client : SlurmClient
        Asks Slurm's accounting database.
    """

    def __init__(
        self, client: SlurmClient, log: _Log, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._log = log
        self._look: Look[Mapping[str, tuple[Association, ...]]] = Look(
            "sacctmgr",
            self._ask,
            self._report,
            clock=clock,
            wall=lambda: datetime.now(UTC),
            min_interval=_MIN_INTERVAL,
            max_backoff=_MAX_AGE,
        )
        self._rules: Look[Rules] = Look(
            "sacctmgr",
            client.rules,
            self._report_rules,
            clock=clock,
            wall=lambda: datetime.now(UTC),
            min_interval=_MIN_INTERVAL,
            max_backoff=_RULES_MAX_AGE,
        )

    async def of(self, user: str) -> tuple[Association, ...] | None:
        """Return a user's associations: none at all for a stranger, None when nobody could be asked."""
        await self._look.look(_MAX_AGE, _PATIENCE)
        age = self._look.age
        # An answer that failed, or is late, must not shut out a user who has just got an account.
        if not self._look.value or age is None or age > _MAX_AGE:
            return None
        return self._look.value.get(user, ())

    async def names(self, user: str) -> frozenset[str] | None:
        """Return the names of the accounts that a user may charge; None when they are not known."""
        found = await self.of(user)
        return None if found is None else frozenset(one.account for one in found)

    async def rules(self) -> Rules | None:
        """Return what associations and QoS allow; None when nobody could be asked, or nothing is counted.

        The last answer is good for twice its time when the database is away: limits change rarely, and Slurm
        itself heeds the old ones then, too.
        """
        await self._rules.look(_RULES_MAX_AGE, _PATIENCE)
        age = self._rules.age
        return None if age is None or age > 2 * _RULES_MAX_AGE else self._rules.value

    async def close(self) -> None:
        """Stop running queries."""
        await self._look.close()
        await self._rules.close()

    async def _ask(self) -> Mapping[str, tuple[Association, ...]]:
        found: dict[str, list[Association]] = defaultdict(list)
        for association in await self._client.associations():
            found[association.user].append(association)
        return {user: tuple(associations) for user, associations in found.items()}

    def _report_rules(self) -> None:
        if self._rules.error is not None:
            self._log.warning(
                "Slurm's limits are not known and not shown: %s", self._rules.error, exc_info=self._rules.bug
            )

    def _report(self) -> None:
        if self._look.error is not None:
            self._log.warning(
                "Slurm's accounts are not known, nobody is refused for them: %s",
                self._look.error,
                exc_info=self._look.bug,
            )
