"""Rooms import what the architecture page allows them, and nothing else of ours."""

import ast
import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOMS, ROOT, prose, read

TABLE = re.compile(r"^\| `(\w+)/(?:queues/)?` \| .*? \| ([^|]+) \|$", re.MULTILINE)
ALLOWED = {
    room: set(re.findall(r"`(\w+)`", cell))
    for room, cell in TABLE.findall(prose(ROOT / "docs" / "architecture.md"))
}


@pytest.mark.parametrize("room", ROOMS)
def test_room_imports_only_what_the_page_allows(room: str) -> None:
    found = set()
    for path in sorted((ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(read(path))):
            if isinstance(node, ast.Import):
                found |= {name.name.split(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
    assert found & set(ROOMS) - {room} <= ALLOWED[room]


def modules() -> list[Path]:
    """Return all modules of ours besides the tests."""
    rooms = (*ROOMS, "benchmarks", "demo", "docs", "hpchub")
    return [path for room in rooms for path in sorted((ROOT / room).rglob("*.py"))]


def test_every_module_says_in_its_first_line_what_it_is_about() -> None:
    found = modules()
    assert len(found) > 300
    first = {path: (ast.get_docstring(ast.parse(read(path))) or "").partition("\n")[0] for path in found}
    assert [path.name for path, line in first.items() if len(line.split()) < 3] == []


def test_modules_that_are_named_alone_are_there() -> None:
    page = ROOT / "docs" / "architecture.md"
    there = {path.name for path in modules()} | {path.name for path in (ROOT / "singleuser").glob("*.sh")}
    named = set(re.findall(r"`([a-z0-9_]+\.(?:py|sh))`", prose(page)))
    assert len(named) > 20
    assert named - there - {"jupyterhub_config.py"} == set()
    rows = prose(page).split("Where to look in `environments/`:")[1].split("\n\n")[1]
    stems = {stem for row in rows.splitlines() for stem in re.findall(r"`([a-z0-9_]+)`", row.split("|")[2])}
    assert {f"{stem}.py" for stem in stems} - there == set()


def test_every_folder_with_code_is_on_the_page() -> None:
    page = read(ROOT / "docs" / "architecture.md")
    folders = {path.parent.relative_to(ROOT).as_posix() for path in modules()}
    # The versions go with `migrations/`.
    folders.discard("authenticator/store/migrations/versions")
    told = {name for name in folders if name in page or f"{name.rpartition('/')[2]}/" in page}
    assert folders - told == set()
