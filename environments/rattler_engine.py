"""py-rattler as the engine, in a process of its own; see `environments.worker`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from environments.engine import Filled, Wanted
from environments.layout import Layout
from environments.records import Tell
from environments.site import Site

__all__ = ["RattlerEngine", "solve"]


class RattlerEngine:
    """Makes prefixes with py-rattler, from the user's own package cache over the site's shared one."""

    name = "rattler"

    def __init__(self, site: Site, layout: Layout) -> None:
        self.site = site
        self.layout = layout

    def fill(self, prefix: Path, wanted: Wanted, tell: Tell) -> Filled:
        """See `environments.engine.Engine.fill`."""
        raise NotImplementedError


def solve(
    site: Site,
    *,
    channels: Sequence[str],
    specs: Sequence[str],
    platform: str = "",
    cuda: str = "",
    repodata: Path,
    lock: Path | None = None,
    tell: Tell = lambda said: None,
    variables: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Choose packages without installing any.

    Parameters
    ----------
    repodata : Path
        A folder in which what channels said is kept.
    lock : Path or None
        A lock file (rattler-lock) to be written as well.

    Returns
    -------
    list of dict
        As channels have them: name, version, build, subdir, depends, md5, sha256, size, and url, channel, fn.

    Raises
    ------
    Problem, Cancelled
    """
    raise NotImplementedError
