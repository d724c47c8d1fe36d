"""How workers share the tests (``pytest -n 6 --dist loadscope``): by file, and each has a centre of its own.

Tests on a centre mostly wait, so their files come first and side by side; the others fill the time, and a
sixth worker begins with them at once.
"""

import os
from functools import cache
from pathlib import Path

import pytest

__all__ = ["WITHOUT_A_CENTRE", "centre_first", "number"]

ROOT = Path(__file__).resolve().parent.parent
ON_THE_CENTRE = ("tests/browser/", "tests/integration/")
WITHOUT_A_CENTRE = "gw5"
LONGEST = (
    "tests/integration/test_requeue.py",
    "tests/integration/test_paused.py",
    "tests/integration/test_hub_killed.py",
    "tests/integration/test_slurm_out.py",
    "tests/integration/test_running.py",
    "tests/integration/test_servers.py",
    "tests/integration/test_internal_ssl.py",
)
"""Minutes of waiting each: begun last, one of them would go on when all others are done."""


def number() -> int:
    """Return which worker this is, from 0; 0 without workers."""
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


def centre_first(items: list[pytest.Item]) -> None:
    """Put the files that need a centre first, the longest before them."""
    items.sort(key=lambda item: turn(item.nodeid.partition("::")[0]))


def turn(file: str) -> tuple[bool, bool]:
    return file not in LONGEST, not needs_centre(file)


@cache
def needs_centre(file: str) -> bool:
    return file.startswith(ON_THE_CENTRE) or "RunningCentre" in (ROOT / file).read_text()
