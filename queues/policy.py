"""The queue policy: which queues are offered, what they give, for whom and at what price.

An administrator writes it as TOML. Whatever is wrong in the file is said with the file, the queue, the
setting, what stands there and what to write instead.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from queues.faults import list_faults

__all__ = ["PolicyError", "Queue", "QueuePolicy", "load_policy", "parse_policy"]

_PRICE_PLACES: Final = 5
_YEAR_HOURS: Final = 8760
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_GRES = r"^[a-z_]+(:[A-Za-z0-9._-]+){0,2}(,[a-z_]+(:[A-Za-z0-9._-]+){0,2})*$"


class PolicyError(ValueError):
    """The queue policy cannot be used; the text says where and what to write."""


def _by_language(value: object) -> object:
    """Take one text for English; pages fall back to it where a language is missing."""
    return {"en": value} if isinstance(value, str) else value


def _has_english(words: Mapping[str, str]) -> Mapping[str, str]:
    if "en" not in words:
        raise ValueError('lacks English, which the other languages fall back to; write en = "…"')
    return MappingProxyType(dict(words))


def _no_words() -> Mapping[str, str]:
    return MappingProxyType({"en": ""})


Words = Annotated[
    Mapping[Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")], str],
    BeforeValidator(_by_language),
    AfterValidator(_has_english),
    PlainSerializer(dict),
]
"""One text in several languages, by code; cannot be changed."""

Name = Annotated[str, StringConstraints(pattern=_NAME)]
Count = Annotated[int, Field(strict=True, ge=1)]
Hours = Annotated[int, Field(strict=True, ge=1, le=_YEAR_HOURS)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Queue(_Frozen):
    """One queue as users see it. Each description says what an administrator writes."""

    name: Name = Field(description="letters, digits, dots, hyphens and underscores")
    # A queue is called as its partition, and titled as it is called, where the file does not say more.
    partition: Name = Field(default="", description="the partition's name in Slurm")
    title: Words = Field(
        default_factory=_no_words, description='a text, or one a language: { en = "…", ko = "…" }'
    )
    about: Words = Field(
        default_factory=_no_words,
        description='what it is for, as a text or one a language: { en = "…", ko = "…" }',
    )
    kind: Literal["shared", "exclusive"] = Field(description='"shared" (slots) or "exclusive" (whole nodes)')
    slots_per_node: Count | None = Field(default=None, description="how many notebooks share a node")
    price: Decimal | None = Field(
        default=None, description='the price of a node-hour in quotes, such as "1200"; leave it out if free'
    )
    max_hours: Hours = Field(description="a whole number of hours from 1 to 8760")
    default_hours: Hours = Field(default=1, description="a whole number of hours, at most max_hours")
    cpus: Count | None = Field(default=None, description="a whole number of CPUs for one notebook")
    memory_mb: Count | None = Field(default=None, description="the memory of one notebook in MiB")
    gres: Annotated[str, StringConstraints(pattern=_GRES)] | None = Field(
        default=None, description='what sbatch takes after --gres=, such as "shard:1"'
    )
    gpus_per_node: Annotated[int, Field(strict=True, ge=0)] = Field(
        default=0, description="the number of GPUs in each node; 0 or nothing where there is none"
    )
    gpu_choices: tuple[Count, ...] = Field(
        default=(), description="the numbers of GPUs to choose from, the usual one first, such as [1, 2]"
    )
    allowed_groups: frozenset[str] = Field(default=frozenset(), description='groups, such as ["bio"]')
    allowed_users: frozenset[str] = Field(default=frozenset(), description='users, such as ["a1113a01"]')
    hidden: bool = Field(default=False, description="true keeps the queue off the pages")
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = Field(
        default="KRW", description="nothing here: the currency stands once, at the top of the file"
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_in_names(cls, raw: Any) -> Any:
        if isinstance(raw, Mapping) and isinstance(name := raw.get("name"), str):
            return {"partition": name, "title": name, **raw}
        return raw

    @field_validator("price", mode="before")
    @classmethod
    def _price_is_exact(cls, price: object) -> object:
        if isinstance(price, float):
            # 0.1 in a TOML file is already another number by the time it is read.
            raise ValueError('a number with a point is not exact; write it in quotes, such as "0.10"')  # noqa: TRY004
        if not isinstance(price, str | int | Decimal | None) or isinstance(price, bool):
            raise ValueError("not a price")  # noqa: TRY004
        return price

    @field_validator("price")
    @classmethod
    def _price_is_a_price(cls, price: Decimal | None) -> Decimal | None:
        if price is None:
            return None
        if price <= 0:
            raise ValueError("not more than nothing")
        if -int(price.as_tuple().exponent) > _PRICE_PLACES:
            raise ValueError(f"has more than {_PRICE_PLACES} decimal places")
        return price

    @model_validator(mode="after")
    def _settings_fit_the_kind(self) -> Self:
        if self.kind == "shared":
            _refuse(self.slots_per_node is None, "slots_per_node is missing; write how many share a node")
            _refuse(self.price is not None, "price is for whole nodes; leave it out of a shared queue")
            _refuse(bool(self.gpus_per_node), 'gpus_per_node is for whole nodes; write gres = "shard:1"')
        else:
            _refuse(self.slots_per_node is not None, "slots_per_node is for shared queues; leave it out")
        return self

    @model_validator(mode="after")
    def _numbers_fit_each_other(self) -> Self:
        most, usual = self.max_hours, self.default_hours
        _refuse(usual > most, f"default_hours is {usual}; write at most max_hours, which is {most}")
        wrong = [number for number in self.gpu_choices if number > self.gpus_per_node]
        _refuse(bool(wrong), f"gpu_choices has {wrong}; write at most gpus_per_node ({self.gpus_per_node})")
        twice = len(set(self.gpu_choices)) < len(self.gpu_choices)
        _refuse(twice, f"gpu_choices has a number twice ({list(self.gpu_choices)}); write each once")
        both = bool(self.gpu_choices) and self.gres is not None
        _refuse(both, "gres and gpu_choices exclude each other; leave one of them out")
        return self

    def title_in(self, lang: str) -> str:
        """Return the title in a language, or in English."""
        return self.title.get(lang) or self.title["en"]

    def about_in(self, lang: str) -> str:
        """Return what the queue is for in a language, or in English."""
        return self.about.get(lang) or self.about["en"]


class QueuePolicy(_Frozen):
    """All queues of the centre, in the order in which users see them; the first is the usual one."""

    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = Field(
        default="KRW", description='three capital letters, such as "KRW"'
    )
    queues: tuple[Queue, ...] = Field(description="at least one [[queues]] section")

    @field_validator("queues")
    @classmethod
    def _names_are_there_and_unique(cls, queues: tuple[Queue, ...]) -> tuple[Queue, ...]:
        _refuse(not queues, "there are none; write at least one [[queues]] section")
        names = [queue.name for queue in queues]
        twice = sorted({name for name in names if names.count(name) > 1})
        _refuse(bool(twice), f"the name {', '.join(twice)} is given twice; give each queue its own")
        return queues

    @model_validator(mode="after")
    def _one_currency(self) -> Self:
        for queue in self.queues:
            other = "currency" in queue.model_fields_set and queue.currency != self.currency
            _refuse(other, f'queue "{queue.name}" has a currency; write it once, at the top of the file')
        queues = tuple(queue.model_copy(update={"currency": self.currency}) for queue in self.queues)
        object.__setattr__(self, "queues", queues)
        return self

    def queue(self, name: str) -> Queue | None:
        """Return the queue called `name`, or None."""
        return next((queue for queue in self.queues if queue.name == name), None)


def _refuse(wrong: bool, why: str) -> None:  # noqa: FBT001
    if wrong:
        raise ValueError(why)


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
