"""What a command came to."""

from collections.abc import Callable
from typing import NamedTuple


class Done(NamedTuple):
    """Exit status, and what was said on both streams."""

    code: int
    out: str
    err: str


Command = Callable[..., Done]
