"""Findings, coverage and verdicts on the shipped policies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from safelight.policy.decisions import decide, required_coverage
from safelight.policy.documents import Policy, load
from safelight.policy.findings import (
    SHIPPED,
    Basis,
    Cell,
    Coverage,
    Evidence,
    Finding,
    Modality,
    OperatingPoint,
    Stage,
    TextSpan,
)
from safelight.policy.verdicts import Context, Verdict

STARTER = load("starter", SHIPPED)
#: The operating point of a learned finding.
POINT = OperatingPoint(
    voice="english",
    language="en",
    length="4-8",
    score=0.5,
    false_alarm_rate=0.001,
    low=0.0,
    high=0.002,
    sample=5000,
)
USUAL = {
    Stage.PROMPT: {Modality.TEXT},
    Stage.REFERENCE: {Modality.IMAGE},
    Stage.OUTPUT: {Modality.FRAMES, Modality.AUDIO},
}


def seen(
    category: str,
    score: float = 0.95,
    modality: str = "text",
    *,
    card: bool = False,
    basis: Basis = Basis.MATCHED,
    point: OperatingPoint | None = None,
    evidence: tuple[Evidence, ...] = (),
    span: tuple[int, int] | None = None,
    reason: str = "Because.",
    **attributes: Any,
) -> Finding:
    """A finding with these attributes. `span` is its place in the prompt."""
    if span:
        evidence = (TextSpan(field="prompt", start=span[0], end=span[1]),)
    return Finding(
        category=category,
        score=score,
        modality=Modality(modality),
        detector="test",
        version="1",
        reason=reason,
        evidence=evidence,
        attributes=attributes,
        test_card=card,
        basis=basis,
        point=point,
    )


def learned(category: str, score: float = 0.95, at: float | None = 0.5, **more: Any) -> Finding:
    """A finding of a classifier with its operating point at this score. None is no operating point."""
    given = {name: more.pop(name) for name in ("voice", "length") if name in more}
    point = None if at is None else msgspec.structs.replace(POINT, score=at, **given)
    return seen(category, score, basis=Basis.LEARNED, point=point, **{"source": "prompt", **more})


def finding_of(row: dict[str, Any]) -> Finding:
    """The finding of a row of test data. One with the score `at` its operating point is learned."""
    return learned(**row) if "at" in row else seen(**{**row, "basis": Basis(row.get("basis", "matched"))})


def checked_cell(category: str, modality: str = "text", **changes: Any) -> Cell:
    given = {"available": True, "ran": True, "complete": True, **changes}
    return Cell(category=category, modality=Modality(modality), **given)


def checked(policy: Policy, stage: str, *modalities: str) -> Coverage:
    """Coverage where everything the policy requires was checked."""
    there: Iterable[Modality] = {Modality(name) for name in modalities} or USUAL[Stage(stage)]
    cells = required_coverage(policy, SHIPPED, Stage(stage), there)
    return Coverage(
        cells=tuple(msgspec.structs.replace(cell, available=True, ran=True, complete=True) for cell in cells)
    )


def decided(
    stage: str,
    *findings: Finding,
    policy: Policy = STARTER,
    coverage: Coverage | None = None,
    **context: Any,
) -> Verdict:
    """The verdict on findings. Without coverage, everything that the policy requires was checked."""
    return decide(
        policy,
        SHIPPED,
        findings=findings,
        coverage=checked(policy, stage) if coverage is None else coverage,
        context=Context(stage=Stage(stage), **context),
        subject_sha256="0" * 64,
    )
