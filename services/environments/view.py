"""What the service knows as plain values, in one language: for scripts, and for the page's own script."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from environments.records import Environment
from environments.site import Site
from services.environments.desk import Overview
from services.environments.digest import STEP_WORDS, Digest
from services.environments.follow import Glance
from services.environments.state import STATES, Now, words_of
from services.environments.told import Package, Trouble
from texts import say, translate

__all__ = [
    "action_of",
    "environment_of",
    "glance_of",
    "moment",
    "overview_of",
    "package_of",
    "site_of",
]

# Files of users hold any number: milliseconds, say, which would be the year 56,000.
_LAST_YEAR: Final = datetime.max.replace(tzinfo=UTC).timestamp()


def moment(seconds: float) -> str | None:
    """Return Unix seconds as ISO 8601 in UTC; None for 0, and for what no calendar has.

    >>> moment(1790000000.5)
    '2026-09-21T14:13:20+00:00'
    """
    if not 0 < seconds < _LAST_YEAR:
        return None
    return datetime.fromtimestamp(int(seconds), UTC).isoformat()


def overview_of(seen: Overview, site: Site, lang: str) -> dict[str, Any]:
    """Describe what a user has."""
    return {
        "environments": [environment_of(one) for one in seen.environments],
        "more": seen.more,
        "actions": [action_of(one, lang) for one in seen.actions],
        "site": site_of(site, lang),
        "as_of": moment(seen.as_of),
        "problem": say(lang, seen.files_problem) if seen.files_problem else None,
        "slurm_answers": seen.slurm_answers,
    }


def site_of(site: Site, lang: str) -> dict[str, Any]:
    """Describe what the site offers."""
    return {
        "default": site.default,
        "sets": [
            {"name": one.name, "title": one.title_in(lang), "about": one.about_in(lang)} for one in site.sets
        ],
        "plugins": list(site.plugins.specs),
        "cuda": sorted(set(site.cuda.values())),
    }


def environment_of(one: Environment) -> dict[str, Any]:
    """Describe an environment."""
    return {
        "name": one.name,
        "prefix": one.prefix,
        "engine": one.engine,
        "set": one.set,
        "made": moment(one.made),
        "packages": one.packages,
        "python": one.python,
        "server": one.server,
        "kernel": one.kernel,
        "busy": one.busy or None,
        "generations": [{**each, "made": moment(each["made"])} for each in one.generations],
    }


def action_of(one: Now, lang: str) -> dict[str, Any]:
    """Describe an action without its log."""
    return {
        "id": one.id,
        "verb": one.verb,
        "verb_text": translate(lang, words_of(one.verb)),
        "environment": one.environment,
        "state": one.state,
        "state_text": translate(lang, STATES[one.state]),
        "over": one.over,
        "reason": say(lang, one.reason) if one.reason else None,
        "submitted": moment(one.submitted),
        "began": moment(one.began),
        "ended": moment(one.ended),
        "job": one.job or None,
        "host": one.host or None,
        "problem": _trouble(one.trouble, lang),
    }


def _trouble(trouble: Trouble | None, lang: str) -> dict[str, Any] | None:
    if trouble is None:
        return None
    return {"code": trouble.code, "message": say(lang, trouble.sentence), "details": trouble.details}


def glance_of(glance: Glance, lang: str) -> dict[str, Any]:
    """Describe an action with how far it is, and what is new of its log, or all of it if `whole`."""
    return {
        **action_of(glance.now, lang),
        **_progress(glance.digest, lang),
        "log": [one if isinstance(one, str) else say(lang, one) for one in glance.lines],
        "whole": glance.whole,
        "offset": glance.offset,
        "unread": say(lang, glance.problem) if glance.problem else None,
    }


def _progress(digest: Digest, lang: str) -> dict[str, Any]:
    heard = digest.progress
    return {
        "step": heard.step or None,
        "step_text": translate(lang, STEP_WORDS[heard.step]) if heard.step else "",
        "packages": {"done": heard.packages_done, "total": heard.packages_total},
        "bytes": {"done": heard.bytes_done, "total": heard.bytes_total},
        "current": heard.current,
        "notes": [say(lang, one) for one in digest.notes],
    }


def package_of(one: Package) -> dict[str, Any]:
    """Describe a package; its size in bytes is null where it is not known."""
    return {
        "name": one.name,
        "version": one.version,
        "build": one.build,
        "channel": one.channel,
        "size": one.size or None,
        "requested": one.requested,
    }
