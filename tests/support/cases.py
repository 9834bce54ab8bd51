"""A case without a database, and the scan of a clip in which something was found."""

from __future__ import annotations

from typing import Any

from safelight.policy.findings import Coverage, Finding, FrameRange, Stage
from safelight.videos.case_rows import Case, CaseKind, CaseState
from safelight.videos.models import StageRecord

from .fake_api_server import allowed

FPS = 8.0


def a_case(**fields: Any) -> Case:
    given: dict[str, Any] = {
        "id": "case_1",
        "kind": CaseKind.HOLD,
        "stage": Stage.OUTPUT,
        "state": CaseState.OPEN,
        "quarantined": False,
        "opened_at": 0.0,
        "due_at": 900.0,
        "closed_at": None,
        "tenant": "acme",
        "video_id": "video_1",
        "category": "violence",
        "rule": "vi-3",
        "reason": "",
    }
    return Case(**given | fields)


def frames(start_s: float, end_s: float, *, peak: int) -> FrameRange:
    first, last = round(start_s * FPS), round(end_s * FPS)
    return FrameRange(first=first, last=last, start_s=start_s, end_s=end_s, peak=peak)


def flagged(*findings: Finding, **details: Any) -> StageRecord:
    """The scan of a clip of four seconds in which this was found."""
    return StageRecord(
        stage=Stage.OUTPUT,
        verdict=allowed(Stage.OUTPUT),
        findings=findings,
        coverage=Coverage(),
        at=0.0,
        details={"facts": {"fps": FPS, "frames": 32, "duration_s": 4.0}} | details,
    )
