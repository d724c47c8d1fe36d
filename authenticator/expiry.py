"""Whose password is about to expire, as the directory said at the login."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from authenticator.directory import Person

__all__ = ["Expiries", "Expiry"]

MOST: Final = 10_000
"""People remembered; it is a courtesy, so the oldest are forgotten."""


@dataclass(frozen=True, slots=True)
class Expiry:
    """When a password expires (Unix seconds), or how many more logins with an expired one are let pass."""

    at: float | None
    grace_logins: int | None


class Expiries:
    """Remembers, in this process, what the directory announced."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._of: OrderedDict[str, Expiry] = OrderedDict()

    def note(self, person: Person) -> None:
        """Take note of a login: what was announced, or that all is well again."""
        self._of.pop(person.name, None)
        seconds, grace = person.password_expires_in, person.grace_logins
        if seconds is None and grace is None:
            return
        self._of[person.name] = Expiry(None if seconds is None else self._clock() + seconds, grace)
        while len(self._of) > MOST:
            self._of.popitem(last=False)

    def of(self, name: str) -> Expiry | None:
        """Return what this person should be told, or None."""
        return self._of.get(name)
