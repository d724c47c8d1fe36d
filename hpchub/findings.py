"""What the doctor's checks return.

A room that has something to check has a module ``checks`` with a function ``checks(configuration)`` that
yields findings, and stands in `hpchub.doctor.ROOMS`. Of this package it imports this module and
`hpchub.configuration`, neither of which knows any room.
"""

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from hpchub.configuration import Configuration

__all__ = ["Checks", "Finding", "Level"]


class Level(enum.StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    area
        The heading it stands under, such as ``directory``.
    check
        What was looked at, in a few words.
    seen
        What was found; never a secret.
    do
        What to do about it; empty when nothing need be done.
    """

    area: str
    check: str
    level: Level
    seen: str
    do: str = ""


Checks: TypeAlias = Callable[[Configuration], Iterator[Finding]]
