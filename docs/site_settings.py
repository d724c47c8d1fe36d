"""The tables of ``environments.toml``, made from what its classes say of themselves; for `docs.settings`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final

from pydantic.fields import FieldInfo

from environments.site import Site
from environments.site_parts import Image, Model, Runtime, Set, Shared
from environments.site_profile import PluginSet, Profile

__all__ = ["CLASSES", "tables"]

Row = tuple[str, str, str]

CLASSES: Final[dict[str, type[Model]]] = {
    "environments": Site,
    "set": Set,
    "plugins": PluginSet,
    "profile": Profile,
    "shared": Shared,
    "runtime": Runtime,
    "image": Image,
}

# What all have that people choose from; its class says it for all of them.
_TITLED: Final = {
    "name": "what people and files call it; letters, digits, `.`, `_`, `-`",
    "title": "what people read, in English; the name where there is none",
    "title_ko": "the same in Korean",
    "about": "a sentence on what it is, in English",
    "about_ko": "the same in Korean",
}
_BELOW: Final = {
    name: f"tables of their own, [below](#{anchor})"
    for name, anchor in (
        ("sets", "sets-and-lock-files"),
        ("plugins", "sets-and-lock-files"),
        ("shared", "shared-environments"),
        ("runtimes", "images-and-runtimes"),
        ("images", "images-and-runtimes"),
    )
}
_ATTRIBUTE: Final = re.compile(r"^    (\w+(?:, \w+)*)(?: : .+)?$")


def tables(
    table: Callable[[Iterable[Row]], str], default: Callable[[object], str]
) -> dict[str, Callable[[], str]]:
    """Return what makes each table."""
    return {name: partial(_table, kind, table, default) for name, kind in CLASSES.items()}


def _table(kind: type[Model], table: Callable[[Iterable[Row]], str], default: Callable[[object], str]) -> str:
    told = {**_TITLED, **_told(kind.__doc__ or "")}
    if kind is Site:
        told |= _BELOW
    fields = kind.model_fields.items()
    return table((name, _default(field, default), told[name]) for name, field in fields)


def _told(docstring: str) -> dict[str, str]:
    """Read the attributes of a numpydoc docstring; several names may share a description."""
    _before, _, attributes = docstring.partition("    Attributes\n    ----------\n")
    told: dict[str, list[str]] = {}
    names: list[str] = []
    for line in attributes.splitlines():
        if found := _ATTRIBUTE.match(line):
            names = found[1].split(", ")
        elif line.startswith("        "):
            for name in names:
                told.setdefault(name, []).append(line.strip())
    return {name: _markdown(" ".join(lines)) for name, lines in told.items()}


def _markdown(text: str) -> str:
    return text.replace("``", "`").replace("`Site.", "`").replace("|", "\\|").removesuffix(".")


def _default(field: FieldInfo, default: Callable[[object], str]) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, PluginSet) or (isinstance(value, Mapping) and not value):
        return "none"
    if isinstance(value, tuple):
        return ", ".join(f"`{one}`" for one in value) or "none"
    return default(value)
