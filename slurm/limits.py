"""How much a user may have at once, by Slurm's associations and QoS, and how much of it is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Limit"]


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit: `used` of `allowed`, and whose it is (``QOS normal``, ``account proj01``).

    `group` is true where others use it up as well (Slurm's Grp limits).
    """

    kind: Literal["running", "submitted", "gpus"]
    used: int
    allowed: int
    source: str
    group: bool = False
