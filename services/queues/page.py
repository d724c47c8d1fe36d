"""The queue table as a page that works with nothing but HTML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from queues.gpus import gpu_label
from queues.table import NodeCounts, QueueRow, QueueTable
from services.rendering import Frame, Templates
from texts import mark as _
from texts import ntranslate, say, translate
from texts.jinja import money

__all__ = ["render_page"]

_NONE: Final = "–"

_WORDS: Final = {
    "title": _("Queues"),
    "queue": _("Queue"),
    "gpus": _("GPUs"),
    "alloc": _("Alloc"),
    "idle": _("Idle"),
    "down": _("Down"),
    "total": _("Total"),
    "free": _("Free"),
    "waiting": _("Waiting jobs"),
    "price": _("Price per node-hour"),
    "limit": _("Time limit"),
    "all": _("All nodes, each counted once"),
    "refresh": _("Refresh"),
    "twice": _("A node in two queues is counted in both, and once in the last line."),
    "never": _("No figures yet."),
    "old": _("Slurm does not answer at the moment. These are the last figures; they may be out of date."),
    "unknown": _("Slurm does not answer at the moment, so there are no figures yet."),
}

_templates: Final = Templates("services.queues")


def render_page(table: QueueTable, lang: str, frame: Frame) -> str:
    """Return the whole page; without the hub's style sheets it is plain, and complete."""
    return _templates.render(
        "table",
        lang,
        frame,
        words={name: translate(lang, text) for name, text in _WORDS.items()},
        refresh_url=f"?{urlencode({'lang': lang, 'refresh': 1})}",
        trouble=_format_trouble(table),
        problem=table.problem,
        note=say(lang, table.note) if table.note else "",
        as_of=_format_time(table, lang),
        rows=[_format_row(row, table.currency, lang) for row in table.rows],
        totals=_format_counts(table.totals) if table.totals else None,
    )


def _format_trouble(table: QueueTable) -> str:
    """Name the word of `_WORDS` for figures that are old or missing."""
    if table.problem is None:
        return ""
    return "unknown" if table.as_of is None else "old"


def _format_time(table: QueueTable, lang: str) -> str:
    if table.as_of is None or table.age_s is None:
        return translate(lang, "No figures yet.")
    time = table.as_of.strftime("%Y-%m-%d %H:%M:%S UTC")
    return translate(lang, "Nodes and jobs as of %(time)s, %(age)s s ago.", time=time, age=round(table.age_s))


def _format_row(row: QueueRow, currency: str, lang: str) -> dict[str, Any]:
    return {
        "title": row.queue.title_in(lang),
        "about": row.queue.about_in(lang),
        "why_not": say(lang, row.why_not) if row.why_not else "",
        "gpus": _format_gpus(row.gpus_by_type) if row.gpus_by_type else _format_lack(row, lang),
        "alloc": _format_number(row.alloc),
        "idle": _format_number(row.idle),
        "down": _format_number(row.down),
        "total": _format_number(row.total),
        "free": _format_free(row, lang),
        "waiting": _format_number(row.waiting),
        "price": translate(lang, "free") if row.price is None else money(row.price, currency),
        "limit": ntranslate(lang, "%(n)d hour", "%(n)d hours", row.max_hours),
    }


def _format_counts(counts: NodeCounts) -> dict[str, Any]:
    return {
        "gpus": _format_gpus(counts.gpus_by_type),
        "alloc": counts.alloc,
        "idle": counts.idle,
        "down": counts.down,
        "total": counts.total,
    }


def _format_number(number: int | None) -> str:
    return _NONE if number is None else str(number)


def _format_free(row: QueueRow, lang: str) -> str:
    if row.free_slots is not None:
        return translate(lang, "%(free)s of %(total)s slots", free=row.free_slots, total=row.total_slots)
    if len(row.free_by_type) > 1:
        # Of several types the sum says little: somebody wants one of them.
        return _format_gpus(row.free_by_type)
    if row.free_gpus is not None and row.total_gpus:
        return translate(lang, "%(free)s of %(total)s GPUs", free=row.free_gpus, total=row.total_gpus)
    if row.idle is not None:
        return translate(lang, "%(free)s of %(total)s nodes", free=row.idle, total=row.total)
    return _NONE


def _format_lack(row: QueueRow, lang: str) -> str:
    """Say that a queue has no GPUs; before any answer nobody knows."""
    return _NONE if row.total is None else translate(lang, "none")


def _format_gpus(types: Mapping[str, int]) -> str:
    pairs = (f"{count} × {gpu_label(kind)}" for kind, count in types.items())
    return ", ".join(pair.replace(" ", "\N{NO-BREAK SPACE}") for pair in pairs) or _NONE
