from decimal import Decimal

import pytest

from queues.estimate import cost
from queues.policy import Queue


def priced(price: str | None, currency: str = "KRW") -> Queue:
    return Queue.model_validate(
        {"name": "q", "kind": "exclusive", "max_hours": 48, "price": price, "currency": currency}
    )


@pytest.mark.parametrize(
    ("price", "currency", "hours", "nodes", "expected"),
    [
        ("1900", "KRW", 4, 1, "7600"),
        ("1900", "KRW", 48, 3, "273600"),
        ("1900", "KRW", 0, 1, "0"),
        (None, "KRW", 24, 1, "0"),
        # Halves of a won go up, and nothing is rounded before the end.
        ("0.5", "KRW", 1, 1, "1"),
        ("0.5", "KRW", 3, 1, "2"),
        ("0.49999", "KRW", 1, 1, "0"),
        ("0.33333", "KRW", 3, 1, "1"),
        ("1900.5", "KRW", Decimal("0.25"), 1, "475"),
        # A double makes 2.675 into 2.67499…, and a bill of 2.67.
        ("2.675", "USD", 1, 1, "2.68"),
        ("0.19951", "USD", 6, 1, "1.20"),
        ("0.10", "USD", 3, 1, "0.30"),
        ("0.0005", "KWD", 1, 1, "0.001"),
    ],
)
def test_user_sees_the_exact_cost_before_submitting(
    price: str | None, currency: str, hours: int | Decimal, nodes: int, expected: str
) -> None:
    assert str(cost(priced(price, currency), hours, nodes)) == expected


def test_a_float_never_gets_into_a_cost() -> None:
    with pytest.raises(TypeError, match=r"hours=0\.1: write an int or a Decimal"):
        cost(priced("1900"), 0.1)  # type: ignore[arg-type]


@pytest.mark.parametrize(("hours", "nodes"), [(-1, 1), (1, 0)])
def test_nobody_is_paid_for_computing(hours: int, nodes: int) -> None:
    with pytest.raises(ValueError, match="write at least 0 hours and 1 node"):
        cost(priced("1900"), hours, nodes)
