"""Slows guessers down: by account and by address, across hubs and restarts."""

from authenticator.throttle.throttle import Locked, Outcome, Throttle

__all__ = ["Locked", "NoThrottle", "Outcome", "Throttle"]


class NoThrottle(Throttle):
    """Lets every attempt through: what the door has until it makes a `Throttle` itself."""

    def __init__(self) -> None:
        return

    def reserve(self, user: str, address: str, *, now: float = 0) -> float:  # type: ignore[override]
        return 0.0

    def settle(self, user: str, address: str, outcome: Outcome, *, now: float = 0) -> bool:
        return False
