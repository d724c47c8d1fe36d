"""What a queue lets its users choose from: GPU types, numbers of GPUs, and features of nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from queues.fields import Count, Frozen, Name, Whole, Words, no_words, refuse

__all__ = ["Feature", "GpuType", "Kind", "check_choices", "named"]

Kind = Literal["shared", "exclusive", "gpus"]


class _Choice(Frozen):
    """Something to choose that Slurm knows by a name and users by a title."""

    name: Name = Field(description="the name that Slurm has for it")
    title: Words = Field(
        default_factory=no_words, description='a text, or one a language: { en = "…", ko = "…" }'
    )

    @model_validator(mode="before")
    @classmethod
    def _title_is_the_name(cls, raw: Any) -> Any:
        return {"title": raw["name"], **raw} if named(raw) else raw

    def title_in(self, lang: str) -> str:
        """Return the title in a language, or in English."""
        return self.title.get(lang) or self.title["en"]


class GpuType(_Choice):
    """One type of GPU in a queue, or one MIG profile. Each description says what an administrator writes."""

    name: Name = Field(description='the type in Slurm\'s Gres, such as "a100" or "1g.10gb"')
    per_node: Count = Field(description="how many GPUs of this type a node with such GPUs has")
    choices: tuple[Whole, ...] = Field(
        default=(), description="the numbers of GPUs to choose from, the usual one first, such as [1, 2]"
    )
    cpus_per_gpu: Count | None = Field(default=None, description="a whole number of CPUs for each GPU")
    memory_mb_per_gpu: Count | None = Field(default=None, description="the memory in MiB for each GPU")

    @model_validator(mode="after")
    def _choices_fit(self) -> Self:
        check_choices(self.choices, self.per_node, f'"{self.name}": choices', "per_node")
        return self


class Feature(_Choice):
    """A feature of nodes, as ``sbatch --constraint`` takes it."""

    name: Name = Field(description='the feature in Slurm\'s Features, such as "skylake"')


def named(raw: Any) -> bool:
    """Tell whether a section of the file says its name."""
    return isinstance(raw, dict) and isinstance(raw.get("name"), str)


def check_choices(choices: Sequence[int], most: int, what: str, limit: str) -> None:
    """Refuse numbers of GPUs that no node has, and a number given twice.

    Raises
    ------
    ValueError
        Saying what to write instead.
    """
    wrong = [number for number in choices if number > most]
    refuse(bool(wrong), f"{what} has {wrong}; write at most {limit} ({most})")
    twice = len(set(choices)) < len(choices)
    refuse(twice, f"{what} has a number twice ({list(choices)}); write each once")
