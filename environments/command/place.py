"""Whose environments a command is about, and where they lie."""

from __future__ import annotations

from pathlib import Path

from environments.layout import Layout
from environments.names import check_environment
from environments.problems import Problem
from environments.site import Site, load_site, own_name
from texts import mark as _

__all__ = ["here", "there"]


def here() -> tuple[Site, Layout]:
    """Return the site, and where the environments of whoever calls lie."""
    site = load_site()
    return site, site.layout_of(own_name())


def there(name: str) -> tuple[str, Path]:
    """Return the name and prefix of an environment that is there; of the site's usual one for no name.

    Raises
    ------
    Problem
        ``missing``.
    """
    site, layout = here()
    name = name or site.default
    check_environment(name)
    prefix = layout.address(name)
    if not prefix.is_dir():
        raise Problem("missing", _("There is no environment %(name)s."), name=name)
    return name, prefix
