"""The queue policy: which queues are offered, what they give, for whom and at what price.

An administrator writes it as TOML. Whatever is wrong in the file is said with the file, the queue, the
setting, what stands there and what to write instead.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Self

from pydantic import Field, ValidationError, field_validator, model_validator

from queues.faults import list_faults
from queues.fields import Currency, Frozen, refuse
from queues.presets import Preset
from queues.queue import Queue

__all__ = ["PolicyError", "Queue", "QueuePolicy", "load_policy", "parse_policy"]


class PolicyError(ValueError):
    """The queue policy cannot be used; the text says where and what to write."""


class QueuePolicy(Frozen):
    """All queues of the centre, in the order in which users see them; the first is the usual one."""

    currency: Currency = Field(default="KRW", description='three capital letters, such as "KRW"')
    queues: tuple[Queue, ...] = Field(description="at least one [[queues]] section")
    presets: tuple[Preset, ...] = Field(
        default=(), description="[[presets]] sections with a name, a title and options"
    )

    @field_validator("queues")
    @classmethod
    def _names_are_there_and_unique(cls, queues: tuple[Queue, ...]) -> tuple[Queue, ...]:
        refuse(not queues, "there are none; write at least one [[queues]] section")
        names = [queue.name for queue in queues]
        twice = sorted({name for name in names if names.count(name) > 1})
        refuse(bool(twice), f"the name {', '.join(twice)} is given twice; give each queue its own")
        return queues

    @model_validator(mode="after")
    def _one_currency(self) -> Self:
        for queue in self.queues:
            other = "currency" in queue.model_fields_set and queue.currency != self.currency
            refuse(other, f'queue "{queue.name}" has a currency; write it once, at the top of the file')
        queues = tuple(queue.model_copy(update={"currency": self.currency}) for queue in self.queues)
        object.__setattr__(self, "queues", queues)
        return self

    @model_validator(mode="after")
    def _presets_have_queues(self) -> Self:
        names = [one.name for one in self.presets]
        twice = sorted({name for name in names if names.count(name) > 1})
        refuse(bool(twice), f"the preset {', '.join(twice)} is given twice; give each its own name")
        for one in self.presets:
            queue = one.options["queue"]
            lost = f'preset "{one.name}": there is no queue {queue!r}; write one of the names of [[queues]]'
            refuse(self.queue(str(queue)) is None, lost)
        return self

    def queue(self, name: str) -> Queue | None:
        """Return the queue called `name`, or None."""
        return next((queue for queue in self.queues if queue.name == name), None)


def parse_policy(text: str, source: str = "queues.toml") -> QueuePolicy:
    """Read a policy from the text of a TOML file; `source` is what errors call it.

    Raises
    ------
    PolicyError
        With one line for each fault.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{source}: this is not TOML: {error}") from None
    try:
        return QueuePolicy.model_validate(raw)
    except ValidationError as error:
        faults = list_faults(error, raw, QueuePolicy, Queue)
        raise PolicyError("\n".join(f"{source}: {fault}" for fault in faults)) from None


def load_policy(path: Path) -> QueuePolicy:
    """Read and check the queue policy.

    Raises
    ------
    PolicyError
        When the file cannot be read or something in it is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise PolicyError(f"{path}: cannot be read: {why}") from None
    return parse_policy(text, str(path))
