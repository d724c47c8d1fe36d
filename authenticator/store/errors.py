"""What can be wrong with the store itself."""

__all__ = ["StoreError", "UnreadableTokenError"]


class StoreError(ValueError):
    """The store cannot be opened safely; the text says what to do and shows no password."""


class UnreadableTokenError(Exception):
    """A secret that none of our keys opens, or that was moved from another user."""
