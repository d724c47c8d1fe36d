"""Where somebody does again what has failed, without typing it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

__all__ = ["form_again", "words_asked"]

_OVER: Final = frozenset({"failed", "cancelled", "interrupted"})
# What of an action goes back into its form. A file's text is in no journal, and a state may be gone.
_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "bootstrap": ("set", "cuda"),
    "import": (),
    "install": ("specs",),
    "remove": ("specs",),
    "snapshot": ("label",),
    "plugins": (),
    "reset": ("set",),
    "rollback": (),
    "clone": (),
    "delete": (),
}


def form_again(state: str, verb: str, environment: str, asked: Mapping[str, str]) -> str:
    """Return the address of the form, filled in, below the service's; empty where there is nothing to repeat.

    >>> form_again("failed", "install", "notebook", {"specs": "numpy>=2 scipy"})
    'environments/notebook/install?specs=numpy%3E%3D2+scipy'
    >>> form_again("done", "install", "notebook", {"specs": "numpy"})
    ''
    """
    if state not in _OVER or verb not in _FIELDS or not environment:
        return ""
    query = {name: asked[name] for name in _FIELDS[verb] if asked.get(name)}
    page = f"environments/{quote(environment, safe='')}/{verb}"
    if verb in ("bootstrap", "import"):
        page, query = f"new/{verb}", {"environment": environment, **query}
    elif verb == "clone":
        if not asked.get("source"):
            return ""
        page = f"environments/{quote(asked['source'], safe='')}/clone"
        query = {"environment": environment}
    return f"{page}?{urlencode(query)}" if query else page


def words_asked(verb: str, asked: Mapping[str, str]) -> str:
    """Return what was asked for, as it was typed; empty where there was nothing to type."""
    names = {
        "install": "specs",
        "remove": "specs",
        "snapshot": "label",
        "clone": "source",
        "rollback": "source",
    }
    return asked.get(names.get(verb, ""), "")
