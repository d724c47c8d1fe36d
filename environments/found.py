"""What a user has: looked up on the disk, quickly, and without believing any of it.

Users may do with their folders what they like. Everything here is bounded, opens nothing but plain files, and
takes what it cannot read for not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from environments.layout import Layout
from environments.records import Environment

if TYPE_CHECKING:
    from environments.site import Site

__all__ = ["environments"]


def environments(site: Site | None, layout: Layout) -> list[Environment]:
    """Return the user's environments by name; broken ones as well, for those can be reset."""
    raise NotImplementedError
