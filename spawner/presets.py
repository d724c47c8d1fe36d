"""Choices kept under a name: each user's own, and those that the site offers to everybody.

A preset fills in the form and starts nothing. What is kept is what passed the check of the options when it
was saved; it is checked again, against the queues as they are then, when somebody submits it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import ValidationError

from slurm.records import Sentence
from spawner.options import Options
from texts import mark as _

__all__ = ["LONGEST_NAME", "MOST", "PresetError", "Presets"]

MOST: Final = 20
LONGEST_NAME: Final = 40


class PresetError(ValueError):
    """A preset that cannot be kept; `sentence` says why, and what to do."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(str(sentence))
        self.sentence = sentence


class Presets:
    """The presets of one user, in alphabetical order; they live in the saved state of the first server."""

    def __init__(self, kept: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self._kept: dict[str, dict[str, Any]] = {
            name: dict(options) for name, options in (kept or {}).items()
        }

    @classmethod
    def from_state(cls, raw: object) -> Presets:
        """Read what was saved; what is not understood (another version wrote it) is left out."""
        kept = {}
        for name, options in raw.items() if isinstance(raw, Mapping) else ():
            if isinstance(name, str) and (good := _sound(options)) is not None:
                kept[name] = good
        return cls(kept)

    def to_state(self) -> dict[str, dict[str, Any]]:
        return {name: dict(options) for name, options in self._kept.items()}

    def save(self, name: str, options: Options) -> str:
        """Keep options under a name, in the place of those it had; return the name as it is kept.

        Raises
        ------
        PresetError
            When the name will not do, or there are too many already.
        """
        name = clean_name(name)
        if name not in self._kept and len(self._kept) >= MOST:
            text = _("You have %(most)s presets, which is as many as are kept: delete one first.")
            raise PresetError(Sentence(text, {"most": MOST}))
        self._kept[name] = options.model_dump(exclude_none=True)
        return name

    def delete(self, name: str) -> bool:
        """Forget a preset; False when there was none of that name."""
        return self._kept.pop(name, None) is not None

    def get(self, name: str) -> dict[str, Any] | None:
        options = self._kept.get(name)
        return None if options is None else dict(options)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._kept, key=str.casefold))

    def __len__(self) -> int:
        return len(self._kept)


def clean_name(name: str) -> str:
    """Return a preset's name without what cannot be seen at its ends.

    Raises
    ------
    PresetError
        When nothing is left, it is too long, or something in it cannot be printed.
    """
    name = name.strip()
    if len(name) <= 4 * LONGEST_NAME:  # composing characters makes it shorter, but never by more
        name = unicodedata.normalize("NFC", name)
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        text = _("A preset's name has 1 to %(most)s characters that can be seen, without line breaks.")
        raise PresetError(Sentence(text, {"most": LONGEST_NAME}))
    return name


def _sound(options: object) -> dict[str, Any] | None:
    try:
        return Options.model_validate(options).model_dump(exclude_none=True)
    except ValidationError:
        return None
