"""A withheld video is explained as usual, without words of its prompt, in every language."""

from __future__ import annotations

from typing import Any

import pytest

from safelight.policy.findings import SHIPPED, Stage
from safelight.policy.verdicts import Action
from safelight.videos.models import StageRecord, VideoRecord, VideoState
from safelight.videos.withheld_video import withhold_record
from safelight.web.api.record import record_object
from safelight.web.explained_video import explain_video
from safelight.web.translations import load_languages
from support.fake_api_server import a_video
from support.verdicts import STARTER, checked, decided, seen

FOUND = seen("sexual", span=(0, 8), reason="It says zanzibar.", word="zanzibar")
STORED = {"stage": "prompt", "group": "sexual", "rule": "r-1", "evidence": ["zanzibar"], "facts": "zanzibar"}


def withheld(**explanation: Any) -> VideoRecord:
    video = a_video(
        state=VideoState.REJECTED,
        prompt="zanzibar",
        error_message="It says zanzibar.",
        outcome_summary={"coverage": {}, "charge": {}, "not_drawn": ["zanzibar"], "generation": None},
        explanation=STORED | explanation,
    )
    stage = StageRecord(
        stage=Stage.PROMPT,
        verdict=decided("prompt", FOUND),
        findings=(FOUND,),
        coverage=checked(STARTER, "prompt"),
        at=1.0,
        details={"said": "zanzibar"},
    )
    return withhold_record(VideoRecord(video=video, stages=(stage,), attempts=(), seal=None, audit_log=()))


@pytest.mark.parametrize("tag", ["en", "zh-Hant", "zh-Hans"])
@pytest.mark.parametrize("explanation", [{}, {"reviewed": True}, {"reason": "review_expired"}])
def test_no_word_of_the_prompt_is_in_the_explanation(tag: str, explanation: dict[str, Any]) -> None:
    record, t = withheld(**explanation), load_languages()[tag]
    text = explain_video(record.video, record, SHIPPED, t)
    assert text.sentence
    assert "zanzibar" not in repr((record, text))
    made = record_object(record, SHIPPED)
    assert made["video"]["prompt"] is None
    assert made["video"]["error"]["message"] == "This video was blocked by our safety checks."
    (finding,) = made["stages"][0]["findings"]
    assert (finding["category"], finding["evidence"]) == ("sexual", ())


def test_what_was_decided_stays() -> None:
    (stage,) = withheld().stages
    assert (stage.verdict.action, stage.verdict.category) == (Action.BLOCK, "sexual")
    assert stage.coverage.cells
    kept = withheld(reason="review_expired").video.explanation
    assert kept == {"stage": "prompt", "group": "sexual", "reason": "review_expired"}
