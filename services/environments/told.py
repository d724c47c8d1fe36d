"""Reads what was answered about a user's files, and believes none of it.

The files are the user's own, so every word can be anything: too long, of another type, or a format that takes
a gigabyte to fill in. What is read here is small and of the type that it says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from environments.records import STEPS, VERBS, Environment
from slurm.records import Sentence
from texts import mark as _

__all__ = [
    "RESULTS",
    "Heard",
    "Package",
    "Past",
    "Trouble",
    "environment",
    "listed",
    "number",
    "package",
    "past",
    "progress",
    "sentence",
    "text",
    "trouble",
]

_MOST: Final = 2000
_LONGEST: Final = 500
_ID: Final = re.compile(r"[0-9a-f]{16}")
_STATE: Final = re.compile(r"[0-9a-f]{8}(\.foreign)?")
_JOB: Final = re.compile(r"[0-9]{1,12}")
# A placeholder with a width could make a gigabyte of nothing.
_PLAIN: Final = re.compile(r"(?:[^%]|%%|%\(\w{1,40}\)[sd])*")
RESULTS: Final = ("done", "failed", "cancelled", "interrupted")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why an action failed; `details` is what a tool said."""

    code: str
    sentence: Sentence
    details: str = ""


@dataclass(frozen=True, slots=True)
class Past:
    """An action as its journal has it; `result` is empty while it goes on, `ended` 0."""

    id: str
    verb: str
    environment: str
    began: float = 0.0
    ended: float = 0.0
    result: str = ""
    trouble: Trouble | None = None
    host: str = ""
    job: str = ""


@dataclass(frozen=True, slots=True)
class Package:
    """A package; `size` in bytes, 0 where it is not known."""

    name: str
    version: str = ""
    build: str = ""
    channel: str = ""
    size: int = 0
    requested: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """How far an action says that it is."""

    step: str = ""
    packages_done: int = 0
    packages_total: int = 0
    bytes_done: int = 0
    bytes_total: int = 0
    current: str = ""


def text(value: object, longest: int = _LONGEST) -> str:
    return value[:longest] if isinstance(value, str) else ""


def number(value: object) -> float:
    """Return a number that is none of the odd ones, and not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e15:
        return 0.0
    return float(value)


def listed(value: object) -> list[Mapping[str, Any]]:
    """Return the objects of a list, at most 2,000."""
    return [one for one in value[:_MOST] if isinstance(one, Mapping)] if isinstance(value, list) else []


def sentence(raw: object) -> Sentence | None:
    """Return a sentence, ``{"msgid", "params"}``, that can be filled in without harm."""
    if not isinstance(raw, Mapping):
        return None
    msgid = text(raw.get("msgid"), 1000)
    if not msgid:
        return None
    if not _PLAIN.fullmatch(msgid):
        return Sentence("%(words)s", {"words": msgid})
    given = raw.get("params")
    pairs = list(given.items())[:20] if isinstance(given, Mapping) else []
    return Sentence(msgid, {text(key, 40): _param(value) for key, value in pairs})


def _param(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1e15:
        return value
    return text(value if isinstance(value, str) else str(value)[:_LONGEST])


def trouble(raw: object) -> Trouble | None:
    """Return a problem as a journal or an answer has it."""
    if not isinstance(raw, Mapping):
        return None
    said = sentence(raw) or Sentence(_("It failed, and said nothing of why."), {})
    return Trouble(text(raw.get("code"), 40), said, text(raw.get("details"), 20_000))


def past(raw: Mapping[str, Any]) -> Past | None:
    """Return an action of the list; None for one that is not told rightly."""
    identity, verb = text(raw.get("id")), text(raw.get("verb"))
    if not _ID.fullmatch(identity) or verb not in VERBS:
        return None
    result, job = text(raw.get("result")), text(raw.get("job"))
    return Past(
        id=identity,
        verb=verb,
        environment=text(raw.get("environment"), 64),
        began=number(raw.get("began")),
        ended=number(raw.get("ended")),
        result=result if result in RESULTS else "",
        trouble=trouble(raw.get("problem")),
        host=text(raw.get("host"), 255),
        job=job if _JOB.fullmatch(job) else "",
    )


def environment(raw: Mapping[str, Any]) -> Environment | None:
    """Return an environment of the list; None for one that is not told rightly."""
    name = text(raw.get("name"), 64)
    if not name:
        return None
    busy = text(raw.get("busy"))
    return Environment(
        name=name,
        prefix=text(raw.get("prefix"), 4096),
        engine=text(raw.get("engine"), 40),
        set=text(raw.get("set"), 64),
        made=number(raw.get("made")),
        packages=int(number(raw.get("packages"))),
        python=text(raw.get("python"), 40),
        server=raw.get("server") is True,
        kernel=raw.get("kernel") is True,
        generations=tuple(
            one for each in listed(raw.get("generations")) if (one := _generation(each)) is not None
        ),
        busy=busy if _ID.fullmatch(busy) else "",
    )


def _generation(raw: Mapping[str, Any]) -> Mapping[str, Any] | None:
    identity = text(raw.get("id"), 64)
    if not _STATE.fullmatch(identity):
        return None
    return {
        "id": identity,
        "made": number(raw.get("made")),
        "label": text(raw.get("label"), 200),
        "verb": text(raw.get("verb"), 20),
        "current": raw.get("current") is True,
        "packages": int(number(raw.get("packages"))),
    }


def package(raw: Mapping[str, Any]) -> Package | None:
    """Return a package of a list; None for one without a name."""
    name = text(raw.get("name"), 200)
    if not name:
        return None
    words = {key: text(raw.get(key), 200) for key in ("version", "build", "channel")}
    return Package(name, **words, size=int(number(raw.get("size"))), requested=raw.get("requested") is True)


def progress(raw: object) -> Heard:
    """Return how far a step is."""
    if not isinstance(raw, Mapping):
        return Heard()
    step = text(raw.get("step"))
    counts = ("packages_done", "packages_total", "bytes_done", "bytes_total")
    numbers = {key: int(number(raw.get(key))) for key in counts}
    return Heard(step if step in STEPS else "", **numbers, current=text(raw.get("current"), 200))
