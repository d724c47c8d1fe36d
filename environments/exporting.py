"""What a prefix holds, as a file for elsewhere: ``environment.yml``, an explicit list, a lock file."""

from __future__ import annotations

from pathlib import Path

__all__ = ["export"]


def export(prefix: Path, kind: str, name: str = "") -> str:
    """Return the text of a file from which the environment can be made again.

    Parameters
    ----------
    kind : str
        ``yml``, ``explicit`` or ``lock``.
    name : str
        What the environment is called in it; the prefix's folder when empty.

    Raises
    ------
    Problem
        When the prefix holds no environment, or there is no such format.
    """
    raise NotImplementedError
