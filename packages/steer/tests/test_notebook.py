"""The notebook runs, with hardly any training."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

import pytest
from PIL import Image

NOTEBOOK = Path(__file__).parents[1] / "examples" / "steering.ipynb"


def test_the_notebook_of_twenty_lines_shows_three_clips(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(NOTEBOOK.parent)
    monkeypatch.setenv("TOY_STEPS", "1")
    monkeypatch.setattr(sys, "path", [*sys.path])
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    code = "\n".join("".join(cell["source"]) for cell in cells)
    assert len(code.splitlines()) <= 20
    *statements, last = ast.parse(code).body
    assert isinstance(last, ast.Expr)
    names: dict[str, object] = {}
    exec(compile(ast.Module(statements, []), "steering.ipynb", "exec"), names)
    shown = eval(compile(ast.Expression(last.value), "steering.ipynb", "eval"), names)
    assert isinstance(shown, Image.Image)
    assert shown.size == (18 * 64, 64)
    assert "The watcher stopped the generation" in capsys.readouterr().out
    third = shown.crop((12 * 64, 0, 18 * 64, 64))
    assert third.getextrema() == ((0, 0),) * 3
