"""No program that is run can hang whoever runs it: each has a time limit, or somebody who watches it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.docs.pages import ROOT

RUNS = {"run", "call", "check_call", "check_output"}
BESIDE = {"tests", "benchmarks", "docs"}


def runs() -> Iterator[tuple[str, ast.Call]]:
    """Yield each call of `subprocess.run` and its like in the product, and where it stands."""
    for path in sorted(ROOT.glob("*/**/*.py")):
        where = path.relative_to(ROOT)
        if where.parts[0] in BESIDE or where.parts[0].startswith("."):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {f"subprocess.{one}" for one in RUNS}:
                yield f"{where}:{node.lineno}", node


def test_each_program_that_is_run_has_a_time_limit() -> None:
    found = dict(runs())
    assert len(found) > 10
    without = [where for where, call in found.items() if "timeout" not in {one.arg for one in call.keywords}]
    assert without == []
