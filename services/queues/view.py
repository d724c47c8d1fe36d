"""The queue table as JSON, in one language."""

from __future__ import annotations

from typing import Any

from queues.gpus import gives_gpus
from queues.table import NodeCounts, QueueRow, QueueTable
from texts import say

__all__ = ["format_table"]


def format_table(table: QueueTable, lang: str) -> dict[str, Any]:
    """Return the table as plain values.

    Amounts are strings, so that no reader makes floats of them. A number that is not known is null.
    """
    return {
        "as_of": table.as_of.isoformat() if table.as_of else None,
        "age_seconds": None if table.age_s is None else round(table.age_s, 1),
        "problem": table.problem,
        "note": say(lang, table.note) if table.note else None,
        "currency": table.currency,
        "queues": [_format_row(row, lang) for row in table.rows],
        "totals": _format_totals(table.totals) if table.totals else None,
    }


def _format_row(row: QueueRow, lang: str) -> dict[str, Any]:
    queue = row.queue
    return {
        "name": queue.name,
        "title": queue.title_in(lang),
        "about": queue.about_in(lang),
        "kind": queue.kind,
        "nodes": {"alloc": row.alloc, "idle": row.idle, "down": row.down, "total": row.total},
        "gpus": {
            "types": dict(row.gpus_by_type),
            "free": row.free_gpus,
            "free_types": dict(row.free_by_type),
            "total": row.total_gpus,
        },
        "slots": _format_slots(row),
        "waiting": row.waiting,
        "price_per_node_hour": None if row.price is None else format(row.price, "f"),
        "max_hours": row.max_hours,
        "allowed": row.allowed,
        "why_not": say(lang, row.why_not) if row.why_not else None,
    }


def _format_slots(row: QueueRow) -> dict[str, int | None] | None:
    # The kind decides, not the figures: before any answer they are unknown, and still slots.
    if row.queue.kind == "exclusive" or (row.queue.kind == "gpus" and gives_gpus(row.queue)):
        return None
    return {"free": row.free_slots, "total": row.total_slots}


def _format_totals(totals: NodeCounts) -> dict[str, Any]:
    return {
        "nodes": {
            "alloc": totals.alloc,
            "idle": totals.idle,
            "down": totals.down,
            "total": totals.total,
        },
        "gpus": {"types": dict(totals.gpus_by_type), "total": sum(totals.gpus_by_type.values())},
    }
