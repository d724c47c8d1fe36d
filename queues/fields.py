"""What the settings of the policy file are made of: names, numbers, and texts in several languages."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from pydantic import StringConstraints as Text

__all__ = ["Count", "Currency", "Frozen", "Gres", "Hours", "Name", "Whole", "Words", "no_words", "refuse"]

_YEAR_HOURS: Final = 8760
_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_GRES: Final = r"^[a-z_]+(:[A-Za-z0-9._-]+){0,2}(,[a-z_]+(:[A-Za-z0-9._-]+){0,2})*$"


class Frozen(BaseModel):
    """A section of the file: closed, and never changed once it is read."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def refuse(wrong: bool, why: str) -> None:  # noqa: FBT001
    """Raise `ValueError` with `why`, which says what stands there and what to write."""
    if wrong:
        raise ValueError(why)


def _by_language(value: object) -> object:
    """Take one text for English; pages fall back to it where a language is missing."""
    return {"en": value} if isinstance(value, str) else value


def _has_english(words: Mapping[str, str]) -> Mapping[str, str]:
    if "en" not in words:
        raise ValueError('lacks English, which the other languages fall back to; write en = "…"')
    return MappingProxyType(dict(words))


def no_words() -> Mapping[str, str]:
    """Return the empty text."""
    return MappingProxyType({"en": ""})


Words = Annotated[
    Mapping[Annotated[str, Text(pattern=r"^[a-z]{2,3}$")], str],
    BeforeValidator(_by_language),
    AfterValidator(_has_english),
    PlainSerializer(dict),
]
"""One text in several languages, by code; cannot be changed."""

Name = Annotated[str, Text(pattern=_NAME)]
Gres = Annotated[str, Text(pattern=_GRES)]
Currency = Annotated[str, Text(pattern=r"^[A-Z]{3}$")]
Whole = Annotated[int, Field(strict=True, ge=0)]
Count = Annotated[int, Field(strict=True, ge=1)]
Hours = Annotated[int, Field(strict=True, ge=1, le=_YEAR_HOURS)]
