"""The seam for slowing down guessers. What stands here lets everybody try; the real one comes later."""

import enum
from typing import Protocol

__all__ = ["NoThrottle", "Outcome", "Throttle"]


class Outcome(enum.Enum):
    """How a login ended, as far as counting goes."""

    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"


class Throttle(Protocol):
    """Decides whether a login may be tried at all. Called in a worker thread, so it may use a database.

    An attempt is counted by `reserve` before anything is checked, so that parallel attempts cannot slip
    through; `settle` then forgets it (success, or nobody's fault) or lets it stand (refusal).
    """

    def reserve(self, user: str, address: str) -> float:
        """Count an attempt and return the seconds to wait before the next is looked at; 0 to go on."""

    def settle(self, user: str, address: str, outcome: Outcome) -> None:
        """Say how an attempt that was let through ended."""


class NoThrottle:
    """Lets every attempt through."""

    def reserve(self, _user: str, _address: str) -> float:
        return 0.0

    def settle(self, _user: str, _address: str, _outcome: Outcome) -> None:
        return
