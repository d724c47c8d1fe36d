"""Choices that a site puts together for its users, under a name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, Field, PlainSerializer, StrictInt, StrictStr, model_validator

from queues.choices import named
from queues.fields import Frozen, Name, Words, no_words, refuse

__all__ = ["OPTIONS", "Preset"]

OPTIONS: Final = (
    *("queue", "interface", "hours", "gpus", "account", "gpu_type", "feature", "qos", "reservation"),
    "environment",
)
"""What a preset may choose: the options of a server."""


def _frozen(options: Mapping[str, str | int]) -> Mapping[str, str | int]:
    return MappingProxyType(dict(options))


Choices = Annotated[Mapping[str, StrictInt | StrictStr], AfterValidator(_frozen), PlainSerializer(dict)]


class Preset(Frozen):
    """One preset; it fills in the form, and whoever picks it still presses Submit."""

    name: Name = Field(description="letters, digits, dots, hyphens and underscores; it stands in links")
    title: Words = Field(
        default_factory=no_words, description='a text, or one a language: { en = "…", ko = "…" }'
    )
    options: Choices = Field(
        description='a queue and other options, such as { queue = "jupyter", hours = 4 }'
    )

    @model_validator(mode="before")
    @classmethod
    def _title_is_the_name(cls, raw: Any) -> Any:
        return {"title": raw["name"], **raw} if named(raw) else raw

    @model_validator(mode="after")
    def _options_are_options(self) -> Self:
        unknown = sorted(self.options.keys() - set(OPTIONS))
        refuse(bool(unknown), f"options has {', '.join(unknown)}; the options are {', '.join(OPTIONS)}")
        refuse("queue" not in self.options, 'options names no queue; write queue = "…" among them')
        return self

    def title_in(self, lang: str) -> str:
        """Return the title in a language, or in English."""
        return self.title.get(lang) or self.title["en"]
