"""What a job on a queue costs, exactly."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from queues.policy import Queue

__all__ = ["cost", "round_money"]

# Decimal places of what can be paid (ISO 4217); most currencies have two.
_PLACES: Final = {"CLP": 0, "ISK": 0, "JPY": 0, "KRW": 0, "VND": 0, "BHD": 3, "JOD": 3, "KWD": 3, "TND": 3}
_USUAL_PLACES: Final = 2


def cost(queue: Queue, hours: int | Decimal, nodes: int = 1) -> Decimal:
    """Return what `hours` on `nodes` nodes of the queue cost, rounded to what can be paid.

    Raises
    ------
    TypeError
        For a float, which is not exact.
    ValueError
        For less than no time, or less than one node.
    """
    if isinstance(hours, float):
        raise TypeError(f"hours={hours!r}: write an int or a Decimal, a float is not exact")
    if hours < 0 or nodes < 1:
        raise ValueError(f"hours={hours}, nodes={nodes}: write at least 0 hours and 1 node")
    return round_money((queue.price or Decimal(0)) * hours * nodes, queue.currency)


def round_money(amount: Decimal, currency: str) -> Decimal:
    """Round an amount to the smallest unit of the currency that can be paid, halves upwards."""
    places = _PLACES.get(currency, _USUAL_PLACES)
    return amount.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
