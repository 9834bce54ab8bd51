"""Findings: the stored form, and what each detector says a finding rests on."""

from __future__ import annotations

import ast
from pathlib import Path

import safelight
from safelight.policy.findings import (
    pack,
    to_json,
    unpack,
)
from support.verdicts import learned, seen


def test_the_stored_form_and_json_keep_basis_and_operating_point() -> None:
    found = learned("hate", span=(0, 4))
    matched = seen("hate", 0.9)
    assert unpack(pack((found, matched))) == (found, matched)
    shown = to_json(found)
    assert shown["basis"] == "learned"
    assert shown["point"]["voice"] == "english"
    assert shown["point"]["false_alarm_rate"] == 0.001


def test_every_detector_says_what_its_findings_rest_on() -> None:
    root = Path(safelight.__file__).parent
    silent = [
        f"{file.relative_to(root)}:{call.lineno}"
        for folder in ("detectors", "screening")
        for file in sorted((root / folder).rglob("*.py"))
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "Finding"
        and "basis" not in {keyword.arg for keyword in call.keywords}
    ]

    assert silent == []
