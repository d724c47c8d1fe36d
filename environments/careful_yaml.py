"""YAML from strangers: lists, mappings and texts, and nothing else that YAML can do.

The events of PyYAML's parser are put together here, so there is no constructor that a tag could reach, no
alias that could grow, and no guess at what a scalar means: ``3.10`` stays ``3.10``, and ``no`` stays ``no``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeAlias

import yaml

from environments.problems import Problem
from environments.shown import shown
from texts import mark as _

__all__ = ["Value", "read"]

Value: TypeAlias = "str | list[Value] | dict[str, Value] | None"

DEEPEST: Final = 10
MOST_NODES: Final = 200_000
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(text: str) -> Value:
    """Return what one YAML document holds; every scalar is a text, and an empty one or ``null`` is None.

    Raises
    ------
    Problem
        Naming the line: of what is no YAML, of a tag, an anchor or an alias, of a key that is there twice
        or is no text, of nesting that is too deep, or of a second document.
    """
    events = yaml.parse(text, Loader=_LOADER)
    try:
        return _Reader(events).document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise Problem(
            "import",
            _("Line %(line)d of the file is not YAML: %(what)s."),
            line=mark.line + 1 if mark else 1,
            what=shown(str(getattr(error, "problem", "") or "it cannot be read")),
        ) from None


class _Reader:
    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._nodes = 0

    def document(self) -> Value:
        """Return the only document's value."""
        value: Value = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _refusal(event, _("Line %(line)d of the file begins a second document."))
                value = self._value(next(self._events), 0)
        return value

    def _value(self, event: Any, depth: int) -> Value:
        self._nodes += 1
        _check(event)
        if depth > DEEPEST or self._nodes > MOST_NODES:
            raise _refusal(
                event, _("Line %(line)d of the file is nested too deeply, or there is too much in it.")
            )
        if isinstance(event, yaml.ScalarEvent):
            return (
                None if not event.style and event.value in ("", "~", "null", "Null", "NULL") else event.value
            )
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(depth)
        return self._mapping(depth)

    def _list(self, depth: int) -> list[Value]:
        values: list[Value] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            values.append(self._value(event, depth + 1))
        return values

    def _mapping(self, depth: int) -> dict[str, Value]:
        values: dict[str, Value] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            _check(event)
            if not isinstance(event, yaml.ScalarEvent):
                raise _refusal(event, _("Line %(line)d of the file has a key that is not a text."))
            if event.value in values or event.value == "<<":
                raise _refusal(
                    event, _("Line %(line)d of the file says %(key)s a second time."), key=shown(event.value)
                )
            values[event.value] = self._value(next(self._events), depth + 1)
        return values


def _check(event: Any) -> None:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        raise _refusal(
            event, _("Line %(line)d of the file has an anchor or an alias; write out what it stands for.")
        )
    # A quoted scalar has the tag "!" for some parsers; it means nothing.
    if getattr(event, "tag", None) not in (None, "!"):
        raise _refusal(
            event, _("Line %(line)d of the file has the tag %(tag)s; take it out."), tag=shown(event.tag)
        )


def _refusal(event: Any, msgid: str, **params: str) -> Problem:
    about: dict[str, Any] = {"line": event.start_mark.line + 1, **params}
    return Problem("import", msgid, **about)
