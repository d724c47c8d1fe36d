"""Who may charge which Slurm accounts: asked for all users at once, and rarely."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from slurm.client import SlurmClient
from slurm.look import Look

__all__ = ["Accounts"]

log = logging.getLogger(__name__)

_MAX_AGE: Final = 300.0
_MIN_INTERVAL: Final = 30.0
_PATIENCE: Final = 5.0


class Accounts:
    """The accounts of every user, at most five minutes old.

    Parameters
    ----------
    client : SlurmClient
        Asks Slurm's accounting database.
    """

    def __init__(self, client: SlurmClient) -> None:
        self._client = client
        self._look: Look[Mapping[str, frozenset[str]]] = Look(
            "sacctmgr",
            self._ask,
            self._report,
            clock=time.monotonic,
            wall=lambda: datetime.now(UTC),
            min_interval=_MIN_INTERVAL,
            max_backoff=_MAX_AGE,
        )

    async def of(self, user: str) -> frozenset[str] | None:
        """Return the accounts of a user: none at all for a stranger, None when nobody could be asked."""
        await self._look.look(_MAX_AGE, _PATIENCE)
        age = self._look.age
        # An answer that failed, or is late, must not shut out a user who has just got an account.
        if not self._look.value or age is None or age > _MAX_AGE:
            return None
        return self._look.value.get(user, frozenset())

    async def close(self) -> None:
        """Stop a running query."""
        await self._look.close()

    async def _ask(self) -> Mapping[str, frozenset[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for association in await self._client.associations():
            found[association.user].add(association.account)
        return {user: frozenset(accounts) for user, accounts in found.items()}

    def _report(self) -> None:
        if self._look.error is not None:
            log.warning(
                "Slurm's accounts are not known, nobody is refused for them: %s",
                self._look.error,
                exc_info=self._look.bug,
            )
