"""Cancels a job as its user, when it is that user's turn."""

from __future__ import annotations

from typing import Protocol

from slurm.errors import SlurmRefused
from spawner.turns import Turns

__all__ = ["Cancels", "cancel"]


class Cancels(Protocol):
    """What is needed of the helper."""

    async def cancel(self, job_id: str, name: str) -> None:
        """Cancel a job; raise a `SlurmError` where that is not done."""


async def cancel(turns: Turns, acts: Cancels, user: str, job_id: str, name: str) -> None:
    """Cancel a job; one that is over already is a success, too.

    scancel with a job's name says "Invalid job id specified" of a job that Slurm has forgotten, and "already
    completing or completed" of one that has just ended (scancel(1); seen with 22.05).

    Raises
    ------
    SlurmError
        Slurm did not hear it, or the helper did not run.
    """
    async with turns.held_by(turns.ask(user, urgent=True)):
        try:
            await acts.cancel(job_id, name)
        except SlurmRefused as refused:
            if not _is_over(refused):
                raise


def _is_over(refused: SlurmRefused) -> bool:
    words = refused.message.lower()
    return "invalid job id specified" in words or "already completing or completed" in words
