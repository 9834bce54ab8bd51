"""A video as a reader gets it from whom it is withheld: without prompt, evidence and what may quote them."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from safelight.policy.findings import Finding

from .models import FIRST_OUTPUT, StageRecord, Video, VideoRecord

#: What the explanation of a withheld video still says. Rule, facts and messages may quote the prompt, and so
#: may a reason that is no code.
_EXPLAINED = (
    *("moderation_stage", "stage", "action", "categories", "group", "charged", "retry", "source"),
    *("reviewed", "retried_as"),
)
_CODES = frozenset({FIRST_OUTPUT, "review_expired"})


def withhold(video: Video) -> Video:
    explanation = {
        name: value
        for name, value in (video.explanation or {}).items()
        if name in _EXPLAINED or (name == "reason" and value in _CODES)
    }
    summary = video.outcome_summary
    return replace(
        video,
        prompt="",
        template=None,
        error_message=None,
        download_problem=None,
        explanation=explanation or None,
        outcome_summary=summary and {**summary, "not_drawn": None, "generation": None},
    )


def withhold_record(record: VideoRecord) -> VideoRecord:
    return replace(
        record,
        video=withhold(record.video),
        stages=tuple(map(_without_evidence, record.stages)),
        attempts=tuple(
            replace(attempt, not_drawn=(), steering=None, generation=None, answer=None)
            for attempt in record.attempts
        ),
        seal=None,
    )


def _without_evidence(made: StageRecord) -> StageRecord:
    """The stage with categories, scores and coverage, which explain the verdict in every language."""
    verdict = msgspec.structs.replace(
        made.verdict,
        subject_sha256="",
        rule="",
        reason="",
        matched_rules=(),
        findings=tuple(map(_without_place, made.verdict.findings)),
    )
    return replace(made, verdict=verdict, findings=tuple(map(_without_place, made.findings)), details={})


def _without_place(finding: Finding) -> Finding:
    return msgspec.structs.replace(finding, reason="", evidence=(), attributes={})
