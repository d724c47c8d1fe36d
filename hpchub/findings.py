"""What the doctor's checks return.

A room that has something to check has a module ``checks`` with a function ``checks(configuration)`` that
yields findings, and stands in `hpchub.doctor.ROOMS`. Of this package it imports this module and
`hpchub.configuration`, neither of which knows any room.
"""

import enum
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from hpchub.configuration import Configuration

__all__ = ["Checks", "Finding", "Level", "guarded"]


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


def guarded(area: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Yield what a check finds; one that fails is itself a finding, and hides no other."""
    try:
        yield from check()
    except OSError as error:
        seen = f"{error.filename or 'a file'}: {error.strerror or type(error).__name__}"
        do = "run this as the hub's account, or let that account read it"
        yield Finding(area, "the check itself", Level.FAULT, seen, do)
    except Exception as error:  # its text may quote what it read
        last = traceback.extract_tb(error.__traceback__)[-1]
        seen = f"it failed with {type(error).__name__} at {last.filename}:{last.lineno}"
        do = "report it: a check should have said what is wrong"
        yield Finding(area, "the check itself", Level.FAULT, seen, do)
