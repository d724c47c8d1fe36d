"""What the journal of an action has told so far, event by event."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from services.environments.state import STATES
from services.environments.told import Heard, Past, listed, number, progress, sentence, text, trouble
from slurm.records import Sentence
from texts import mark as _

__all__ = ["LINES", "STEP_WORDS", "Digest", "Said"]

Said = str | Sentence
"""What a tool said, or what we say of a step."""

STEP_WORDS: Final[dict[str, str]] = {
    "prepare": _("preparing"),
    "solve": _("choosing packages"),
    "install": _("installing packages"),
    "carry": _("taking over your own files"),
    "check": _("checking that a server starts"),
    "switch": _("switching over"),
    "clean": _("tidying up"),
}
_WHEN: Final = _("%(seconds)s s: %(what)s")

_EACH: Final = 3
_SPECS: Final = 50
_SPEC: Final = 200  # characters
_WORD: Final = 100

LINES: Final = 400
"""Lines of a log that are kept for who comes later."""


@dataclass(slots=True)
class Digest:
    """The sum of the events up to byte `next` of the journal; `take` adds to it."""

    known: Past
    next: int = 0
    progress: Heard = field(default_factory=Heard)
    lines: deque[Said] = field(default_factory=lambda: deque(maxlen=LINES))
    notes: list[Sentence] = field(default_factory=list)
    packages: int = 0
    turns: int = 0
    asked: dict[str, str] = field(default_factory=dict)

    def turn(self) -> bool:
        """Say whether it is time to look into a journal that is hardly there yet: every third time."""
        self.turns += 1
        return self.turns % _EACH == 1

    def take(self, answer: Mapping[str, Any]) -> list[Said]:
        """Take in an answer to the question ``journal``; return the lines that are new."""
        fresh: list[Said] = []
        for event in listed(answer.get("events")):
            about = event.get("about")
            if isinstance(about, Mapping):
                fresh += self._event(text(event.get("kind")), number(event.get("at")), about)
        self.next = max(self.next, int(number(answer.get("next"))))
        self.lines.extend(fresh)
        return fresh[-LINES:]

    def _event(self, kind: str, at: float, about: Mapping[str, Any]) -> list[Said]:
        known = self.known
        if kind == "line":
            return [text(about.get("text"), 2000)]
        if kind == "progress":
            before, self.progress = self.progress.step, progress(about)
            step = self.progress.step
            return [self._dated(at, STEP_WORDS[step])] if step and step != before else []
        if kind == "begin":
            action = about.get("action")
            said = action if isinstance(action, Mapping) else {}
            self.known = _replaced(known, said, at, about)
            self.asked = _asked(said)
        elif kind == "end":
            self._end(at, about)
            return [self._dated(at, STATES[self.known.result])]
        return []

    def _dated(self, at: float, what: str) -> Sentence:
        seconds = max(0, round(at - self.known.began)) if self.known.began else 0
        return Sentence(_WHEN, {"seconds": seconds, "what": Sentence(what, {})})

    def _end(self, at: float, about: Mapping[str, Any]) -> None:
        known = self.known
        result = text(about.get("result"))
        self.known = Past(
            known.id,
            known.verb,
            known.environment,
            known.began or at,
            at,
            result if result in ("done", "failed", "cancelled") else "failed",
            trouble(about.get("problem")),
            known.host,
            known.job,
        )
        self.notes = [one for raw in listed(about.get("notes"))[:20] if (one := sentence(raw)) is not None]
        self.packages = int(number(about.get("packages")))


def _replaced(known: Past, action: Mapping[str, Any], at: float, about: Mapping[str, Any]) -> Past:
    job = text(about.get("job"))
    return Past(
        id=known.id,
        verb=known.verb or text(action.get("verb"), 20),
        environment=known.environment or text(action.get("environment"), 64),
        began=at,
        host=text(about.get("host"), 255),
        job=job if job.isdigit() and len(job) <= 12 else "",
    )


def _asked(action: Mapping[str, Any]) -> dict[str, str]:
    """Return what somebody had typed, by the names of the forms' fields."""
    raw = action.get("specs")
    specs = " ".join(
        filter(None, (text(one, _SPEC) for one in (raw[:_SPECS] if isinstance(raw, list) else ())))
    )
    typed = {name: text(action.get(name), _WORD) for name in ("set", "source", "label", "cuda")}
    return {name: value for name, value in {"specs": specs, **typed}.items() if value}
