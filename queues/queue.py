"""One queue: what it gives, on what terms, and what its users may choose."""

from __future__ import annotations

from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from queues.choices import Feature, GpuType, Kind, check_choices, named
from queues.fields import Count, Currency, Frozen, Gres, Hours, Name, Whole, Words, no_words, refuse
from queues.kinds import check_kind
from queues.surroundings import Comment, Environment, Prologue

__all__ = ["Queue"]

_PRICE_PLACES: Final = 5


class Queue(Frozen):
    """One queue as users see it. Each description says what an administrator writes."""

    name: Name = Field(description="letters, digits, dots, hyphens and underscores")
    # A queue is called as its partition, and titled as it is called, where the file does not say more.
    partition: Name = Field(default="", description="the partition's name in Slurm")
    title: Words = Field(
        default_factory=no_words, description='a text, or one a language: { en = "…", ko = "…" }'
    )
    about: Words = Field(
        default_factory=no_words,
        description='what it is for, as a text or one a language: { en = "…", ko = "…" }',
    )
    kind: Kind = Field(
        description='"shared" (slots), "exclusive" (whole nodes) or "gpus" (its own GPUs of a shared node)'
    )
    slots_per_node: Count | None = Field(default=None, description="how many notebooks share a node")
    price: Decimal | None = Field(
        default=None, description='the price of a node-hour in quotes, such as "1200"; leave it out if free'
    )
    max_hours: Hours = Field(description="a whole number of hours from 1 to 8760")
    default_hours: Hours = Field(default=1, description="a whole number of hours, at most max_hours")
    extend_to_hours: Hours | None = Field(
        default=None,
        description="the hours that a running server may be made to last in all; nothing if never longer",
    )
    cpus: Count | None = Field(default=None, description="a whole number of CPUs for one notebook")
    memory_mb: Count | None = Field(default=None, description="the memory of one notebook in MiB")
    cpus_per_gpu: Count | None = Field(default=None, description="a whole number of CPUs for each GPU")
    memory_mb_per_gpu: Count | None = Field(default=None, description="the memory in MiB for each GPU")
    ask_memory: bool = Field(default=True, description="false where Slurm takes no --mem")
    gres: Gres | None = Field(default=None, description='what sbatch takes after --gres=, such as "shard:1"')
    gpus_per_node: Whole = Field(
        default=0, description="the number of GPUs in each node; 0 or nothing where there is none"
    )
    gpu_choices: tuple[Whole, ...] = Field(
        default=(), description="the numbers of GPUs to choose from, the usual one first, such as [1, 2]"
    )
    gpu_types: tuple[GpuType, ...] = Field(
        default=(), description="[[queues.gpu_types]] sections with a name and per_node, the usual one first"
    )
    features: tuple[Feature, ...] = Field(
        default=(), description="[[queues.features]] sections with a name, the usual one first"
    )
    feature_required: bool = Field(
        default=False,
        description="true where a notebook must name one of the features; else any node will do",
    )
    qos: tuple[Name, ...] = Field(
        default=(), description='the QoS to choose from, the usual one first, such as ["normal", "long"]'
    )
    reservations: bool | Literal["required"] = Field(
        default=False,
        description='true to offer users the reservations made for them, "required" to take no one else',
    )
    environment: Environment = Field(
        default_factory=lambda: MappingProxyType({}),
        description='a [queues.environment] section of NAME = "value" lines',
    )
    prologue: Prologue = Field(default="", description="shell lines that run on the node before the server")
    comment: Comment | None = Field(
        default=None, description='what sbatch takes after --comment=, such as "jupyter {username}"'
    )
    allowed_groups: frozenset[str] = Field(default=frozenset(), description='groups, such as ["bio"]')
    allowed_users: frozenset[str] = Field(default=frozenset(), description='users, such as ["a1113a01"]')
    hidden: bool = Field(default=False, description="true keeps the queue off the pages")
    currency: Currency = Field(
        default="KRW", description="nothing here: the currency stands once, at the top of the file"
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_in_names(cls, raw: Any) -> Any:
        return {"partition": raw["name"], "title": raw["name"], **raw} if named(raw) else raw

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
        check_kind(self)
        return self

    @model_validator(mode="after")
    def _hours_fit_each_other(self) -> Self:
        most, usual, longest = self.max_hours, self.default_hours, self.extend_to_hours
        refuse(usual > most, f"default_hours is {usual}; write at most max_hours, which is {most}")
        too_short = longest is not None and longest < most
        refuse(too_short, f"extend_to_hours is {longest}; write at least max_hours, which is {most}")
        return self

    @model_validator(mode="after")
    def _choices_fit_each_other(self) -> Self:
        what, most = "gpus_per_node", self.gpus_per_node
        if self.gpu_types:
            what, most = "the largest per_node", max(one.per_node for one in self.gpu_types)
        check_choices(self.gpu_choices, most, "gpu_choices", what)
        for one in self.gpu_types:
            none = f'gpu_choices has nothing for "{one.name}", of which a node has {one.per_node}'
            refuse(not self.choices_of(one.name), f"{none}; write its choices")
        both = bool(self.gpu_choices or self.gpu_types) and self.gres is not None
        which = "gpu_types" if self.gpu_types else "gpu_choices"
        refuse(both, f"gres and {which} exclude each other; leave one of them out")
        for field in ("gpu_types", "features"):
            names = [one.name for one in getattr(self, field)]
            _refuse_twice(field, names)
        _refuse_twice("qos", list(self.qos))
        empty = self.feature_required and not self.features
        refuse(
            empty, "feature_required is true and there are no features; write [[queues.features]] sections"
        )
        return self

    def title_in(self, lang: str) -> str:
        """Return the title in a language, or in English."""
        return self.title.get(lang) or self.title["en"]

    def about_in(self, lang: str) -> str:
        """Return what the queue is for in a language, or in English."""
        return self.about.get(lang) or self.about["en"]

    def gpu_type(self, name: str | None) -> GpuType | None:
        """Return the type called `name`, the usual one for None; None where there is no such type."""
        return next((one for one in self.gpu_types if name in (None, one.name)), None)

    def choices_of(self, gpu_type: str | None = None) -> tuple[int, ...]:
        """Return the numbers of GPUs to choose from, the usual one first; none where there is no choice.

        Parameters
        ----------
        gpu_type : str or None
            One of the queue's types, None for the usual one or where there are no types.
        """
        kind = self.gpu_type(gpu_type)
        if kind is not None and kind.choices:
            return kind.choices
        most = self.gpus_per_node if kind is None else kind.per_node
        if self.gpu_choices:
            return tuple(number for number in self.gpu_choices if number <= most)
        if self.kind == "gpus":
            return tuple(range(1, most + 1))
        return (most,) if kind is not None else ()


def _refuse_twice(field: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    refuse(bool(twice), f"{field} has {', '.join(twice)} twice; write each once")
