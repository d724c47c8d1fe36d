"""The documents as text: their headings, links, and what they name in code."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")))
ROOMS = (
    "authenticator",
    "environments",
    "queues",
    "services",
    "singleuser",
    "slurm",
    "spawner",
    "texts",
)

_FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """Return a page without its blocks of code."""
    return _FENCE.sub("", read(page))


def code(page: Path) -> list[str]:
    """Return the blocks of code of a page, and what stands between backticks in its text."""
    return [*_FENCE.findall(read(page)), *re.findall(r"`([^`\n]+)`", prose(page))]


def links(page: Path) -> list[str]:
    """Return where a page's links and images lead to."""
    return re.findall(r"\]\(([^)\s]+)\)", prose(page))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def sources() -> str:
    """Return all Python of the rooms, and of the administrator's command."""
    return "\n".join(
        read(path) for room in (*ROOMS, "hpchub") for path in sorted((ROOT / room).rglob("*.py"))
    )
