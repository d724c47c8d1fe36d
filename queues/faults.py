"""Says in words what is wrong in a policy file: the queue, the setting, what stands there, what to write."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import isclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

__all__ = ["list_faults"]

_LONGEST = 60


def list_faults(
    error: ValidationError, raw: Mapping[str, Any], top: type[BaseModel], queue: type[BaseModel]
) -> list[str]:
    """Return one sentence for each fault, in the order of the file.

    Parameters
    ----------
    raw : mapping
        What the file said, to name the queue by what it calls itself.
    top, queue : model classes
        The field descriptions of these models say what to write.
    """
    return [_describe(finding, raw, top, queue) for finding in error.errors(include_url=False)]


def _describe(
    finding: ErrorDetails, raw: Mapping[str, Any], top: type[BaseModel], queue: type[BaseModel]
) -> str:
    place = finding["loc"]
    in_queue = len(place) > 1 and place[0] == "queues" and isinstance(place[1], int)
    model, rest = (queue, place[2:]) if in_queue else (top, place)
    where = f"{_name_queue(raw, int(place[1]))}: " if in_queue else ""
    if not rest:
        return f"{where}{_reason(finding, 'a [[queues]] section with a name, a kind and max_hours')}"
    field, inner, said = str(rest[0]), rest[1:], str(rest[0])
    # A section within a queue, such as [[queues.gpu_types]]: its own descriptions say what to write.
    while (section := _section(model, field)) is not None and len(inner) > 1 and isinstance(inner[0], int):
        model, field, said = section, str(inner[1]), f"{said}: number {inner[0] + 1}: {inner[1]}"
        inner = inner[2:]
    if field not in model.model_fields:
        known = ", ".join(name for name in model.model_fields if not (model is queue and name == "currency"))
        return f"{where}{said}: there is no such setting; the settings are {known}"
    return f"{where}{said}: {_reason(finding, model.model_fields[field].description or '')}"


def _section(model: type[BaseModel], field: str) -> type[BaseModel] | None:
    """Return the model of a field that holds sections of its own, else None."""
    known = model.model_fields.get(field)
    kinds = get_args(known.annotation) if known else ()
    return kinds[0] if kinds and isclass(kinds[0]) and issubclass(kinds[0], BaseModel) else None


def _name_queue(raw: Mapping[str, Any], index: int) -> str:
    try:
        return f'queue "{raw["queues"][index]["name"]}"'
    except (KeyError, TypeError):
        return f"queue number {index + 1} (it has no name)"


def _reason(finding: ErrorDetails, wanted: str) -> str:
    if finding["type"] == "missing":
        return f"is missing; write {wanted}"
    if finding["type"] != "value_error":
        return f"{_seen(finding['input'])} will not do; write {wanted}"
    # Our own validators: what they say of a whole section stands for itself.
    said = str(finding["ctx"]["error"])
    if isinstance(finding["input"], Mapping | list | tuple):
        return said
    advice = "" if "; write" in said else f"; write {wanted}"
    return f"{_seen(finding['input'])}: {said}{advice}"


def _seen(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
