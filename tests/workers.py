"""How workers share the tests (``pytest -n 5 --dist loadscope``): by file, and each has a centre of its own.

Tests on a centre mostly wait, so their files come first and side by side; the others fill the time.
"""

import os
from functools import cache
from pathlib import Path

import pytest

__all__ = ["centre_first", "number"]

ROOT = Path(__file__).resolve().parent.parent
ON_THE_CENTRE = ("tests/browser/", "tests/integration/")


def number() -> int:
    """Return which worker this is, from 0; 0 without workers."""
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


def centre_first(items: list[pytest.Item]) -> None:
    """Put the files that need a centre first."""
    items.sort(key=lambda item: not needs_centre(item.nodeid.partition("::")[0]))


@cache
def needs_centre(file: str) -> bool:
    return file.startswith(ON_THE_CENTRE) or "RunningCentre" in (ROOT / file).read_text()
