"""Standard streams that are closed, full, or cannot show what is said: an action does not fail for them."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import Final, TextIO

__all__ = ["make_usable", "settle", "silence"]

NAMES: Final = ("stdin", "stdout", "stderr")


def make_usable() -> None:
    """Open what the shell closed (``>&-``), and let no letter that a terminal lacks stop anything.

    A file that is opened later would get the number of a closed stream, and be written into.
    """
    for number, name in enumerate(NAMES):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w" if number else "r", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def silence(stream: TextIO) -> None:
    """Write no more to a stream that cannot be written to, also what still waits to be."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def settle(code: int) -> int:
    """Write out what was said, and return what to exit with: `code`, unless it could not be written.

    Whoever stops reading, as ``head`` does, has read enough; then and afterwards nothing more is written.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError) as error:
            silence(stream)
            if stream is sys.stdout and not isinstance(error, BrokenPipeError):
                code = code or 1
    return code
