"""Reads files of which nobody knows what they are: without waiting, and never more than asked for."""

from __future__ import annotations

import os
import stat
from pathlib import Path

__all__ = ["read_bytes", "read_text"]

FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY  # a pipe in its place must not stop anybody


def read_bytes(path: Path, most: int, start: int = 0) -> bytes | None:
    """Return at most `most` bytes of a plain file; None for everything else, and for what cannot be read.

    Parameters
    ----------
    start : int
        Where to begin; a negative one counts from the file's end.
    """
    try:
        file = os.open(path, FLAGS)
    except (OSError, ValueError):
        return None
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            return None
        offset = max(0, status.st_size + start) if start < 0 else start
        with os.fdopen(file, "rb", closefd=False) as stream:
            stream.seek(offset)
            return stream.read(max(0, most))
    except (OSError, ValueError, OverflowError):
        return None
    finally:
        os.close(file)


def read_text(path: Path, most: int) -> str | None:
    """Return a file's text; None when there is none, when it is longer than `most` bytes, or not UTF-8."""
    raw = read_bytes(path, most + 1)
    try:
        return raw.decode("utf-8") if raw is not None and len(raw) <= most else None
    except UnicodeDecodeError:
        return None
