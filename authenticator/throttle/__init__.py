"""Slows guessers down: by account and by address, across hubs and restarts."""

from authenticator.throttle.throttle import Locked, Outcome, Throttle

__all__ = ["Locked", "Outcome", "Throttle"]
