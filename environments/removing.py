"""Removes folders, also those whose permissions would not let their owner in."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

__all__ = ["remove_tree"]

TRIES: Final = 5


def remove_tree(path: Path) -> None:
    """Remove a folder with all that is in it, or a file or link; one that is not there is fine.

    A process that is just being killed may still write into it, hence the tries.

    Raises
    ------
    OSError
        When something of it cannot be removed.
    """
    for left in reversed(range(TRIES)):
        if path.is_symlink() or path.is_file():
            path.unlink(missing_ok=True)
        if not path.exists():
            return
        try:
            shutil.rmtree(path, onerror=_insist)
        except FileNotFoundError:
            continue
        except OSError:
            if not left:
                raise
            time.sleep(0.2)


def _insist(function: Callable[..., Any], path: str, failure: tuple[Any, BaseException, Any]) -> None:
    if isinstance(failure[1], FileNotFoundError):
        return
    if not isinstance(failure[1], PermissionError):
        raise failure[1]
    for one in (os.path.dirname(path), path):
        if not os.path.islink(one) and os.path.isdir(one):
            os.chmod(one, os.stat(one).st_mode | stat.S_IRWXU)
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)
