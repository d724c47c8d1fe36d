"""Renders the spawn form: the queue table as this user may use it, and the fields with first choices."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import texts
from queues.estimate import cost
from queues.table import QueueTable, build_table
from slurm.monitor import Monitor
from slurm.records import Sentence
from slurm.snapshot import Snapshot
from spawner.allowances import limits_met, tell_limit
from spawner.forecast import known_forecasts
from spawner.menu import ask_own, menu_of
from spawner.offers import offers_of, titles_of
from spawner.options import Standing
from spawner.remembering import last_options, shown
from texts import mark as _

if TYPE_CHECKING:
    from spawner.choosing import TakesOptions
    from spawner.known import Known

__all__ = ["first_choices", "fresh_figures", "render_form", "table_for"]

FRESH = 2.0  # seconds: opening or refreshing the page asks Slurm, but not again for those who come together
PATIENCE = 3.0  # seconds that the page waits for Slurm; then it comes with the last figures and their age


@dataclass(frozen=True, slots=True)
class _Opening:
    """What somebody brings to the form: a refused request, a link, a preset, or nothing."""

    choices: Mapping[str, Any]
    by_link: bool = False
    preset: str = ""
    errors: Mapping[str, Sentence] = field(default_factory=dict)


async def render_form(spawner: TakesOptions, known: Known | None = None) -> str:
    """Render the form for the user who looks at it, and say whose browser it is if that is `known`."""
    # The next request of the same user may come while this one waits for Slurm.
    handler = _live(spawner.handler, spawner.home.asker)
    asked = ask_own(spawner, handler)
    opening = _open(spawner, handler)
    office = spawner.shared()
    standing = await office.standing(spawner.user)
    snapshot = await fresh_figures(office.monitor)
    if known is not None:
        known.standing = standing
    table = table_for(spawner, standing, snapshot)
    chosen = first_choices(table, standing, opening.choices)
    menu = menu_of(office.site, await asked, chosen["environment"], spawner.language)
    chosen["environment"] = menu.chosen if menu else None
    resolve = await spawner.resolver()
    limits = await limits_met(spawner, resolve, chosen)
    queues = tuple(row.queue for row in table.rows)
    offers = {queue.name: offers_of(queue, snapshot, standing) for queue in queues}
    whose = handler is None or getattr(handler, "current_user", None) in (None, spawner.user)
    context = {
        "table": table,
        "offers": offers,
        "titles": titles_of(queues, offers, spawner.language),
        "expected": known_forecasts(spawner, resolve, chosen),
        "limits": [tell_limit(limit, spawner.language) for limit in limits],
        "account_note": table.note,
        "chosen": chosen,
        "environments": menu,
        "by_link": opening.by_link,
        "by_preset": opening.preset,
        "errors": {**_closed(opening, chosen), **opening.errors},
        "currency": office.policy.currency,
        "estimate": cost,
        "last_end": spawner.ticket.last_end,
        "presets": list(spawner.presets) if whose else [],
        "site_presets": office.policy.presets,
        "is_own": whose,
    }
    return await _render(spawner, handler, context)


def _live(*handlers: Any) -> Any:
    """Return the request that waits for the form; spawners remember requests that are long answered."""
    return next((one for one in handlers if one is not None and not getattr(one, "_finished", False)), None)


def _open(spawner: TakesOptions, handler: Any) -> _Opening:
    home = spawner.home
    refused, home.refused = home.refused, None
    typed, home.typed = home.typed, {}
    home.asker = None
    link: dict[str, str] = dict(getattr(handler, "link", None) or {})
    if not link and (refused is not None or (typed and not _is_first_look(handler))):
        errors = {refused.field: refused.sentence} if refused else {}
        return _Opening(typed or last_options(spawner), errors=errors)
    name = link.pop("preset", None)
    preset = None if name is None else spawner.preset(name)
    if name is not None and preset is None:
        lost = Sentence(_("There is no preset “%(name)s”."), {"name": name[:80]})
        return _Opening(link or last_options(spawner), by_link=bool(link), errors={"preset": lost})
    if preset is not None:
        return _Opening({**preset, **link}, preset=str(name))
    return _Opening(link, by_link=True) if link else _Opening(last_options(spawner))


def _is_first_look(handler: Any) -> bool:
    """Tell somebody who opens the form from somebody who gets it back because it was refused."""
    return handler is not None and handler.request.method == "GET"


def _closed(opening: _Opening, chosen: Mapping[str, Any]) -> dict[str, Sentence]:
    """Say that a link or a preset is about a queue that cannot be had now."""
    wanted = opening.choices.get("queue")
    if not (opening.by_link or opening.preset) or wanted in (None, chosen["queue"]):
        return {}
    text = _("The queue “%(queue)s” cannot be chosen, so another one is filled in.")
    return {"queue": Sentence(text, {"queue": str(wanted)[:80]})}


def table_for(spawner: TakesOptions, standing: Standing, snapshot: Snapshot) -> QueueTable:
    """Build the table as this user may use it."""
    return build_table(
        spawner.shared().policy,
        snapshot,
        datetime.now(UTC),
        user=standing.user,
        groups=standing.groups,
        accounts=standing.accounts,
        associations=standing.associations,
    )


async def fresh_figures(monitor: Monitor) -> Snapshot:
    """Ask Slurm for nodes and jobs; say so if the page has to come without its answer."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.gather(monitor.look_nodes(FRESH, PATIENCE), monitor.look_jobs(FRESH, PATIENCE))
    snapshot = monitor.snapshot
    if snapshot.problem is None and loop.time() - began >= PATIENCE:
        return replace(snapshot, problem=f"no answer within {PATIENCE:.0f} seconds")
    return snapshot


def first_choices(table: QueueTable, standing: Standing, options: Mapping[str, Any]) -> dict[str, Any]:
    """Choose what the form shows first: what the user had or typed, where it can still be had.

    Parameters
    ----------
    options : mapping
        What was typed or used last; it comes from outside and is only shown, never used.
    """
    known = shown(options)
    open_rows = [row for row in table.rows if row.why_not is None]
    row = next((row for row in open_rows if row.queue.name == known.get("queue")), None)
    if row is None:
        row = open_rows[0] if open_rows else None
        kept = ("interface", "account", "environment")
        known = {name: value for name, value in known.items() if name in kept}
    queue = row.queue if row else None
    return {
        **dict.fromkeys(("gpus", "gpu_type", "feature", "qos", "reservation", "environment")),
        **known,
        "queue": queue.name if queue else None,
        "interface": known.get("interface", "notebook"),
        "hours": known.get("hours") or (min(queue.default_hours, row.max_hours) if queue and row else 1),
        "account": known.get("account", standing.default_account),
    }


async def _render(spawner: TakesOptions, handler: Any, context: dict[str, Any]) -> str:
    """Render with the request's own namespace, or without a request (after a refused one) with the site's."""
    if handler is not None:
        # Without its query: options in a link are for the first look only.
        html = await handler.render_template("queue_form.html", refresh_url=handler.request.path, **context)
        return str(html)
    settings = spawner.user.settings
    names = {
        key: value(spawner.user) if callable(value) else value
        for key, value in settings.get("template_vars", {}).items()
    }
    template = settings["jinja2_env"].get_template("queue_form.html")
    names["say"] = lambda sentence: _say(spawner, sentence)
    base_url = settings["hub"].base_url if "hub" in settings else "/hub/"
    rendered = template.render_async(base_url=base_url, refresh_url=f"{base_url}spawn", **names, **context)
    return str(await rendered)


def _say(spawner: TakesOptions, sentence: Sentence | str) -> str:
    return sentence if isinstance(sentence, str) else texts.say(spawner.language, sentence)
