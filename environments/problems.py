"""Why an action cannot be done, or was not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slurm.records import Sentence

__all__ = ["Cancelled", "Problem"]


class Problem(Exception):  # noqa: N818 - it is told as often as it is raised
    """What was seen, what it means and what to do, for the person whose environment it is.

    Attributes
    ----------
    code : str
        One word for programs and logs, such as ``busy``, ``quota``, ``unsolvable`` or ``channel``.
    sentence : Sentence
        To be translated by who shows it.
    details : str
        What a tool said, verbatim; may be long, may be empty.
    """

    def __init__(self, code: str, msgid: str, /, *, details: str = "", **params: object) -> None:
        self.code = code
        self.sentence = Sentence(msgid, params)
        self.details = details
        super().__init__(f"{code}: {self.sentence}")

    def as_json(self) -> dict[str, Any]:
        """Return what the journal keeps; `from_json` reads it."""
        return {
            "code": self.code,
            "msgid": self.sentence.msgid,
            "params": {
                key: value if isinstance(value, int) else str(value)
                for key, value in self.sentence.params.items()
            },
            "details": self.details,
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Problem:
        """Read what `as_json` gave."""
        params = {str(key): value for key, value in dict(raw.get("params") or {}).items()}
        return cls(str(raw["code"]), str(raw["msgid"]), details=str(raw.get("details", "")), **params)


class Cancelled(Exception):  # noqa: N818 - nothing went wrong
    """Somebody wanted the action to end; what was there before is as it was."""
