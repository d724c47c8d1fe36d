"""Turns what is known into HTML: the templates, and the rows of their tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

from environments.records import Environment
from services.environments.follow import Glance
from services.environments.retry import form_again, words_asked
from services.environments.state import Now, words_of
from services.environments.view import action_of, glance_of, moment
from services.rendering import Frame, Templates
from texts import mark as _
from texts import translate

__all__ = ["environment_row", "glance_row", "megabytes", "render", "rows"]

_SCRIPT_WORDS: Final = {
    "waiting": _("waiting: %(reason)s"),
    "working": _("%(step)s: %(current)s"),
    "packages": _("%(done)s of %(total)s packages"),
    "bytes": _("%(done)s of %(total)s"),
    "lost": _("The connection is lost; trying again."),
    "expired": _("Your login has ended. Load the page again."),
    "ended": _("%(what)s: %(state)s"),
    "large": _("This file is too large: 256 KiB are the most here."),
    "starting": _("about to begin"),
    "shown": _("%(shown)s of %(total)s environments are shown."),
}

_templates: Final = Templates("services.environments")


def render(template: str, lang: str, frame: Frame, **values: Any) -> str:
    """Return a whole page.

    Parameters
    ----------
    template : str
        Its file, without the ending.
    values
        What every page needs (``prefix``, ``xsrf``), and this one.
    """
    return _templates.render(
        template,
        lang,
        frame,
        iso=moment,
        megabytes=megabytes,
        words_of=words_of,
        script_words={name: translate(lang, text) for name, text in _SCRIPT_WORDS.items()},
        step_line=lambda one: _step_line(one, lang),
        counts_line=lambda one: _counts_line(one, lang),
        **values,
    )


def environment_row(one: Environment, url: str, base_url: str, lang: str) -> dict[str, Any]:
    """Return what a page shows of an environment, with a link to the spawn form that has chosen it."""
    health, text = _health(one)
    return {
        "name": one.name,
        "url": url,
        "start": f"{base_url}hub/spawn?environment=own%3A{quote(one.name, safe='')}",
        "prefix": one.prefix,
        "engine": one.engine,
        "set": one.set,
        "made": one.made,
        "packages": one.packages,
        "python": one.python,
        "server": one.server,
        "kernel": one.kernel,
        "generations": one.generations,
        "back": [each for each in one.generations if not each["current"]],
        "health": health,
        "health_text": translate(lang, text),
    }


def _health(one: Environment) -> tuple[str, str]:
    if one.busy:
        return "busy", _("being changed")
    if not one.python or not one.packages:
        return "broken", _("broken: reset it")
    if one.server:
        return "ready", _("ready")
    return ("ready", _("ready, as a kernel")) if one.kernel else ("plain", _("without Jupyter"))


def past_row(one: Now, lang: str) -> dict[str, Any]:
    """Return what the history shows of an action."""
    return {**action_of(one, lang), "began_s": one.began, "submitted_s": one.submitted}


def glance_row(glance: Glance, lang: str) -> dict[str, Any]:
    """Return what a page shows of an action and how far it is."""
    now = glance.now
    row = glance_of(glance, lang)
    asked = glance.digest.asked
    return {
        **row,
        "began_s": now.began,
        "ended_s": now.ended,
        "asked": words_asked(now.verb, asked),
        "again": form_again(now.state, now.verb, now.environment, asked),
        "fraction": _fraction(row),
    }


def _fraction(row: Mapping[str, Any]) -> float | None:
    """Say how much of the present step is done, from 0 to 1; None where there is no measure."""
    if row["state"] == "waiting" or row["over"]:
        return None
    for counts in (row["packages"], row["bytes"]):
        if counts["total"]:
            return float(min(1.0, counts["done"] / counts["total"]))
    return None


def _step_line(row: Mapping[str, Any], lang: str) -> str:
    if row["state"] == "waiting":
        return _word(lang, "waiting", reason=row["reason"] or "–")
    if not row["step_text"]:
        return "" if row["over"] else _word(lang, "starting")
    if not row["current"]:
        return str(row["step_text"])
    return _word(lang, "working", step=row["step_text"], current=row["current"])


def _counts_line(row: Mapping[str, Any], lang: str) -> str:
    parts: list[str] = []
    if row["packages"]["total"]:
        parts.append(_word(lang, "packages", **row["packages"]))
    if row["bytes"]["total"]:
        sizes = {key: megabytes(value) for key, value in row["bytes"].items()}
        parts.append(_word(lang, "bytes", **sizes))
    return " · ".join(parts)


def _word(lang: str, name: str, **params: Any) -> str:
    return translate(lang, _SCRIPT_WORDS[name], **params)


def megabytes(size: int) -> str:
    """Return a size in bytes as people read it.

    >>> megabytes(2_345_678), megabytes(12_000)
    ('2.3 MB', '12 kB')
    """
    if size >= 1_000_000:
        return f"{size / 1e6:,.1f} MB" if size < 100_000_000 else f"{size / 1e6:,.0f} MB"
    return f"{size / 1e3:,.0f} kB"


def rows(found: Iterable[Now], lang: str) -> list[dict[str, Any]]:
    """Return the rows of the history."""
    return [past_row(one, lang) for one in found]
