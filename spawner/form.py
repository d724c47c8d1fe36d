"""Renders the spawn form: the queue table as this user may use it, and the fields with first choices."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import texts
from queues.access import accounts_for
from queues.estimate import cost
from queues.table import QueueTable, build_table
from slurm.monitor import Monitor
from slurm.records import Sentence
from slurm.snapshot import Snapshot
from spawner.options import Options, Standing

if TYPE_CHECKING:
    from spawner.choosing import TakesOptions

__all__ = ["first_choices", "render_form"]

FRESH = 2.0  # seconds: opening or refreshing the page asks Slurm, but not again for those who come together
PATIENCE = 3.0  # seconds that the page waits for Slurm; then it comes with the last figures and their age


async def render_form(spawner: TakesOptions) -> str:
    """Render the form for the user who looks at it."""
    office = spawner.shared()
    standing = await office.standing(spawner.user)
    snapshot = await _fresh_figures(office.monitor)
    table = build_table(
        office.policy,
        snapshot,
        datetime.now(UTC),
        user=standing.user,
        groups=standing.groups,
        accounts=standing.accounts,
    )
    refused, spawner.refused = spawner.refused, None
    typed, spawner.typed = spawner.typed, {}
    context = {
        "table": table,
        "accounts": _accounts(table, snapshot, standing),
        "account_note": table.note,
        "chosen": first_choices(table, standing, typed or _last_options(spawner)),
        "errors": {refused.field: refused.sentence} if refused else {},
        "currency": office.policy.currency,
        "estimate": cost,
        "last_end": spawner.ticket.last_end,
    }
    return await _render(spawner, context)


async def _fresh_figures(monitor: Monitor) -> Snapshot:
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
    known = {name: options[name] for name in Options.model_fields if name in options}
    open_rows = [row for row in table.rows if row.why_not is None]
    row = next((row for row in open_rows if row.queue.name == known.get("queue")), None)
    if row is None:
        row = open_rows[0] if open_rows else None
        known.pop("hours", None)
    queue = row.queue if row else None
    return {
        "queue": queue.name if queue else None,
        "interface": known.get("interface", "notebook"),
        "hours": known.get("hours") or (min(queue.default_hours, row.max_hours) if queue and row else 1),
        "gpus": known.get("gpus"),
        "account": known.get("account", standing.default_account),
    }


def _last_options(spawner: TakesOptions) -> Mapping[str, Any]:
    saved = spawner.orm_spawner.user_options if spawner.remember_options else None
    return saved if isinstance(saved, dict) else {}


def _accounts(table: QueueTable, snapshot: Snapshot, standing: Standing) -> dict[str, tuple[str, ...]]:
    partitions = snapshot.partitions
    return {
        row.queue.name: accounts_for(row.queue, partitions.get(row.queue.partition), standing.accounts)
        for row in table.rows
    }


async def _render(spawner: TakesOptions, context: dict[str, Any]) -> str:
    """Render with the request's own namespace, or without a request (after a refused one) with the site's."""
    handler = spawner.handler or spawner.asker
    spawner.asker = None
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
