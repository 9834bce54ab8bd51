"""What the job packages count for `GET /metrics`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from safelight.core.errors import Unavailable
from safelight.core.metrics import (
    COVERAGE_GAPS,
    ENGINE_ERRORS,
    FINDING_SCORES,
    STAGE_VERDICTS,
    TEXT_DEPTH,
    Counter,
    Distribution,
)
from safelight.policy.findings import Cell, Coverage, Depth, Finding, Modality, Stage
from safelight.screening.evaluation import StageResult
from safelight.videos.queue import _count_engine_error, check_engine
from safelight.videos.stage_records import record_stage
from support.fake_api_server import allowed


class Written:
    """A transaction that keeps nothing."""

    def now(self) -> float:
        return 0.0

    def insert(self, *_: Any, **__: Any) -> None: ...

    def append_audit(self, *_: Any, **__: Any) -> None: ...


def count(counter: Counter, *labels: str) -> int:
    return counter.read().get(labels, 0)


def test_a_recorded_stage_counts_its_verdict_its_gaps_and_the_depth_of_text() -> None:
    cells = (
        Cell(category="hate", modality=Modality.FRAMES, required=True),
        Cell(
            category="hate",
            modality=Modality.TEXT,
            required=True,
            available=True,
            ran=True,
            complete=True,
            depth=Depth.LEARNED,
        ),
    )
    result = StageResult(
        stage=Stage.OUTPUT, verdict=allowed(Stage.OUTPUT), findings=(), coverage=Coverage(cells=cells)
    )
    counted = (
        (STAGE_VERDICTS, ("output", "allow", "")),
        (COVERAGE_GAPS, ("output", "hate", "frames")),
        (TEXT_DEPTH, ("hate", "learned")),
    )
    before = [count(counter, *labels) for counter, labels in counted]
    record_stage(Written(), "video_1", result)  # type: ignore[arg-type]
    assert [count(counter, *labels) for counter, labels in counted] == [number + 1 for number in before]


def test_the_highest_score_of_each_detector_and_category_is_counted_but_not_those_of_the_test_card() -> None:
    findings = [
        Finding(
            category=category,
            score=score,
            modality=Modality.TEXT,
            detector="counted",
            version="1",
            reason="",
            test_card=category == "sexual",
        )
        for category, score in (("hate", 0.34), ("hate", 0.71), ("violence", 0.2), ("sexual", 1.0))
    ]
    result = StageResult(
        stage=Stage.PROMPT,
        verdict=allowed(Stage.PROMPT),
        findings=tuple(findings),
        coverage=Coverage(cells=()),
    )
    record_stage(Written(), "video_1", result)  # type: ignore[arg-type]
    counted = {key: found for key, found in FINDING_SCORES.read().items() if key[1] == "counted"}
    assert counted == {
        ("prompt", "counted", "hate"): Distribution(buckets=[0, 0, 0, 0, 0, 0, 0, 1, 0, 0], total=0.71),
        ("prompt", "counted", "violence"): Distribution(buckets=[0, 1, 0, 0, 0, 0, 0, 0, 0, 0], total=0.2),
    }


def test_errors_of_the_durable_queue_are_counted(tmp_path: Path) -> None:
    before = count(ENGINE_ERRORS, "error")
    with pytest.raises(Unavailable):
        check_engine(f"sqlite:///{tmp_path}/missing/engine.sqlite3")
    for level in (logging.INFO, logging.ERROR):
        assert _count_engine_error(logging.LogRecord("dbos", level, "", 0, "", (), None))
    assert count(ENGINE_ERRORS, "error") == before + 2
