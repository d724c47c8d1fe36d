"""The example notebooks run as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.ipynb"))


def cells(path: Path, kind: str) -> list[str]:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == kind]


def test_there_is_a_first_notebook() -> None:
    assert "first-steps.ipynb" in [path.name for path in EXAMPLES]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
class TestNotebook:
    def test_is_valid_and_comes_without_outputs(self, path: Path) -> None:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        nbformat.validate(notebook)
        assert not any(cell.get("outputs") for cell in notebook["cells"])

    def test_runs_from_top_to_bottom(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        names: dict[str, Any] = {}
        for source in cells(path, "code"):
            exec(compile(source, str(path), "exec"), names)
        assert capsys.readouterr().out

    def test_speaks_both_languages(self, path: Path) -> None:
        for source in cells(path, "markdown"):
            assert any("가" <= letter <= "힣" for letter in source)
