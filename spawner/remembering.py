"""What the form shows before anybody has chosen: what a link brought, or what was asked for last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from spawner.options import Options

if TYPE_CHECKING:
    from spawner.choosing import TakesOptions

__all__ = ["from_link", "last_options", "shown"]

_LONGEST: Final = 64
_NEVER: Final = datetime.min


def shown(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Keep of what comes from outside only what the form has fields for, and only what fits into one."""
    return {
        name: raw[name]
        for name in Options.model_fields
        if isinstance(value := raw.get(name), str | int)
        and not isinstance(value, bool)
        and len(str(value)) <= _LONGEST
    }


def from_link(query: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Read the choices in a link: ``queue=jupyter``, or ``opt-queue=jupyter`` as the hub would have it."""
    choices = {name.removeprefix("opt-"): values[0] for name, values in query.items() if values}
    return {name: value for name, value in choices.items() if name in (*Options.model_fields, "preset")}


def last_options(spawner: TakesOptions) -> dict[str, Any]:
    """Return what this server was asked to be last, or else what the user asked for last elsewhere.

    It counts whether the start went well or not: what was refused is what somebody wants to correct.
    """
    if not spawner.remember_options:
        return {}
    own = spawner.orm_spawner
    others = [one for one in spawner.user.orm_user.orm_spawners.values() if one is not own]
    others.sort(key=lambda one: _naive(one.last_activity), reverse=True)
    for one in (own, *others):
        if isinstance(one.user_options, dict) and (options := shown(one.user_options)):
            return options
    return {}


def _naive(moment: datetime | None) -> datetime:
    """The hub's database gives times without a zone, its running objects give some with one."""
    if moment is None:
        return _NEVER
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
