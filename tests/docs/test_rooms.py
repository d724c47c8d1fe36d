"""Rooms import what the architecture page allows them, and nothing else of ours."""

import ast
import re

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
