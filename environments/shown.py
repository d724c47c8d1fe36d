"""What of a text can be shown to people as it is."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["HIDDEN", "printable", "shown"]

SHOWN: Final = 60

# Control characters, line and paragraph separators, and what turns the reading direction or is not seen.
HIDDEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb]"
)


def printable(text: str) -> bool:
    """Return whether all of it can be seen, on one line, in the order in which it stands."""
    return text.isprintable() and not HIDDEN.search(text)


def shown(text: str, most: int = SHOWN) -> str:
    """Return what is safe and short enough to be quoted to people; `most` counts characters."""
    text = str(text)
    cut = text if len(text) <= most else f"{text[:most]}…"
    return "".join(char if char.isprintable() and not HIDDEN.match(char) else "\ufffd" for char in cut)
