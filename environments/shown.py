"""What of a text can be shown to people as it is."""

from __future__ import annotations

from typing import Final

__all__ = ["printable", "shown"]

SHOWN: Final = 60


def printable(text: str) -> bool:
    """Return whether all of it can be seen, on one line, in the order in which it stands.

    Python's word for that leaves out control characters, ends of lines, half characters, and what turns the
    reading direction or has no width.
    """
    return text.isprintable()


def shown(text: str, most: int = SHOWN) -> str:
    """Return what is safe and short enough to be quoted to people; `most` counts characters."""
    text = str(text)
    cut = text if len(text) <= most else f"{text[:most]}…"
    return "".join(char if char.isprintable() else "\ufffd" for char in cut)
