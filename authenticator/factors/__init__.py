"""The second factor behind one small interface: our own store, the directory, RADIUS, privacyIDEA."""

from authenticator.factors.interface import Attempt, How, Proof, SecondFactor

__all__ = ["Attempt", "How", "Proof", "SecondFactor"]
