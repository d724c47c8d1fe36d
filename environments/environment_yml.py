"""``environment.yml`` as it stands, before anybody asks what its words mean here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from environments.careful_yaml import Value, read
from environments.problems import Problem
from environments.shown import printable
from texts import mark as _

__all__ = ["MOST_PACKAGES", "Yml", "read_yml"]

MOST_PACKAGES: Final = 2000
LONGEST_TEXT: Final = 500


@dataclass(frozen=True, slots=True)
class Yml:
    """An ``environment.yml`` as it stands; the specs are not checked yet."""

    name: str
    channels: tuple[str, ...]
    specs: tuple[str, ...]
    pip: tuple[str, ...]
    variables: Mapping[str, str]
    prefix: str
    others: tuple[str, ...]


_KEYS: Final = ("name", "channels", "dependencies", "variables", "prefix")


def read_yml(text: str) -> Yml:
    """Read an ``environment.yml``, whatever channels it names.

    Raises
    ------
    Problem
        When it is not one, or has anything in it that such a file has not.
    """
    raw = read(text)
    if not isinstance(raw, dict) or not isinstance(raw.get("dependencies"), list):
        raise Problem(
            "import",
            _("The file is not an environment.yml: it has no list named dependencies."),
        )
    dependencies = raw["dependencies"]
    plain: list[Value] = []
    pip: list[Value] = []
    for one in dependencies if isinstance(dependencies, list) else ():
        if isinstance(one, dict) and set(one) == {"pip"}:
            pip += _list(one["pip"], "pip")
        else:
            plain.append(one)
    return Yml(
        name=_text(raw.get("name"), "name"),
        channels=_texts(_list(raw.get("channels"), "channels"), "channels"),
        specs=_texts(plain, "dependencies"),
        pip=_texts(pip, "pip"),
        variables=_variables(raw.get("variables")),
        prefix=_text(raw.get("prefix"), "prefix"),
        others=tuple(key for key in raw if key not in _KEYS),
    )


def _list(value: Value, where: str) -> list[Value]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise Problem("import", _("%(where)s must be a list in the file."), where=where)
    return value


def _texts(values: list[Value], where: str) -> tuple[str, ...]:
    if len(values) > MOST_PACKAGES:
        raise Problem(
            "import",
            _("There are %(n)d entries in %(where)s; %(most)d are the most."),
            n=len(values),
            where=where,
            most=MOST_PACKAGES,
        )
    texts = tuple(_text(value, where) for value in values)
    return tuple(text for text in texts if text)


def _text(value: Value, where: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or not printable(value.strip()):
        raise Problem(
            "import", _("In %(where)s of the file there is something that is not a short text."), where=where
        )
    return value.strip()


def _variables(value: Value) -> Mapping[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Problem("import", _("%(where)s must be names with values in the file."), where="variables")
    return {_text(name, "variables"): _text(one, "variables") for name, one in value.items()}
