"""Makes a generation: filled, given what pip had put into the one before, and checked, all aside."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from environments.engine import Wanted
from environments.layout import Layout
from environments.records import Tell
from environments.site import Site

__all__ = ["Needs", "build"]

Needs = Literal["server", "python", "nothing"]


def build(
    layout: Layout,
    name: str,
    wanted: Wanted,
    *,
    site: Site,
    marks: Mapping[str, object],
    tell: Tell,
    carry: Path | None = None,
    needs: Needs = "server",
) -> Path:
    """Make a generation and return it, not switched to; whoever calls holds the environment.

    Parameters
    ----------
    marks : mapping
        What is written into it: engine, verb, set, action, label, parent, made, channels, cuda; engine and
        made are filled in. What was noticed on the way is added as ``notes``, a list of
        ``{"msgid", "params"}``.
    carry : Path or None
        A prefix of which all files that no package owns are copied: what pip put there.
    needs : str
        What must work before it is called whole.

    Returns
    -------
    Path
        The new generation, or `Wanted.keep` itself when it already holds just what is wanted.

    Raises
    ------
    Problem, Cancelled
        Nothing of the new generation is left then.
    """
    raise NotImplementedError
