"""Findings: the stored form, and what each detector says a finding rests on."""

from __future__ import annotations

import ast
from pathlib import Path

import safelight
from safelight.policy.findings import (
    Basis,
    Finding,
    Modality,
    OperatingPoint,
    TextSpan,
    pack,
    to_json,
    unpack,
)

POINT = OperatingPoint(
    voice="english",
    language="en",
    length="4-8",
    score=0.8,
    false_alarm_rate=0.001,
    low=0.0004,
    high=0.002,
    sample=5000,
)
LEARNED = Finding(
    category="hate",
    score=0.9,
    modality=Modality.TEXT,
    detector="minilm",
    version="1",
    reason="Resembles.",
    evidence=(TextSpan(field="prompt", start=0, end=4),),
    attributes={"source": "prompt"},
    basis=Basis.LEARNED,
    point=POINT,
)


def test_the_stored_form_keeps_basis_and_operating_point() -> None:
    matched = Finding(
        category="hate",
        score=0.9,
        modality=Modality.TEXT,
        detector="lists",
        version="1",
        reason="Listed.",
        basis=Basis.MATCHED,
    )

    assert unpack(pack((LEARNED, matched))) == (LEARNED, matched)


def test_json_names_basis_and_operating_point() -> None:
    shown = to_json(LEARNED)

    assert shown["basis"] == "learned"
    assert shown["point"]["voice"] == "english"
    assert shown["point"]["false_alarm_rate"] == 0.001


def test_every_detector_says_what_its_findings_rest_on() -> None:
    root = Path(safelight.__file__).parent
    silent = [
        f"{file.relative_to(root)}:{call.lineno}"
        for folder in ("detectors", "scanning", "moderation")
        for file in sorted((root / folder).rglob("*.py"))
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "Finding"
        and "basis" not in {keyword.arg for keyword in call.keywords}
    ]

    assert silent == []
