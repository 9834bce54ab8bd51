"""Videos with one finding in the prompt, judged by the starter policy and decided by a person, as rows."""

from __future__ import annotations

from typing import Any

from safelight.core.ids import new_id
from safelight.policy.findings import Cell, Coverage, Finding, Stage
from safelight.screening.evaluation import StageResult
from safelight.store.database import Transaction
from safelight.store.tables import cases, decisions
from safelight.videos.case_rows import CaseKind, CaseState, NewCase, open_case
from safelight.videos.case_rows.store import close_case
from safelight.videos.stage_records import record_stage

from .verdicts import STARTER, checked, decided, seen
from .videos import add_video


def add_judged(tx: Transaction, *findings: Finding, coverage: Coverage | None = None, **columns: str) -> str:
    """The id of a new video whose prompt was screened."""
    video_id = add_video(tx, **columns)
    add_stage(tx, video_id, *findings, coverage=coverage)
    return video_id


def add_stage(tx: Transaction, video_id: str, *findings: Finding, coverage: Coverage | None = None) -> None:
    coverage = checked(STARTER, "prompt") if coverage is None else coverage
    verdict = decided("prompt", *findings, coverage=coverage)
    result = StageResult(
        stage=Stage.PROMPT, findings=findings, coverage=coverage, verdict=verdict, details={}
    )
    record_stage(tx, video_id, result)


def without_checks() -> Coverage:
    """Coverage in which nothing ran that the policy requires."""
    cells = (
        Cell(category=cell.category, modality=cell.modality, required=True)
        for cell in checked(STARTER, "prompt")
    )
    return Coverage(cells=tuple(cells))


def add_decision(
    tx: Transaction,
    video_id: str,
    action: str,
    *,
    kind: CaseKind = CaseKind.HOLD,
    category: str = "sexual",
    clause: str | None = None,
    decided_by: str = "ada",
    **columns: str,
) -> str:
    """The id of a closed case about a video."""
    new = NewCase(
        video_id=video_id,
        kind=kind,
        stage=Stage.PROMPT,
        due_at=tx.now() + 900,
        category=category,
        rule="sx-1",
    )
    case = open_case(tx, new, actor="policy")
    close_case(tx, case.id, state=CaseState.OPEN)
    if columns:
        tx.update(cases, cases.c.id == case.id, **columns)
    tx.insert(
        decisions,
        id=new_id("decision"),
        case_id=case.id,
        video_id=video_id,
        action=action,
        reason="Seen.",
        clause=clause,
        decided_by=decided_by,
        at=tx.now(),
        verdict_ids=[],
    )
    return case.id


def add_decided(tx: Transaction, score: float, action: str, **more: str) -> str:
    """A video with this score of sexual words, and the decision about its hold."""
    video_id = add_judged(tx, seen("sexual", score))
    add_decision(tx, video_id, action, **more)
    return video_id


def text_coverage(category: str) -> dict[str, Any]:
    """The coverage table of an installation that only checks this category, in text."""
    cell = {
        "category": category,
        "modality": "text",
        "stage": "prompt",
        "status": "checked",
        "required": True,
        "measured": None,
    }
    return {"cells": [{**cell, "detectors": ["test"], "waived_by": []}], "waivers": []}
