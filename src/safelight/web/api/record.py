"""The record of one video as JSON.

A finding whose evidence could serve as instructions shows only the group of its category.
"""

from __future__ import annotations

from typing import Any

from safelight.policy.explanations import can_name, hides_details
from safelight.policy.findings import Basis, Cell, Finding, Taxonomy, to_json
from safelight.policy.grounding import is_text
from safelight.policy.intended_use import Shortfall
from safelight.policy.verdicts import Verdict
from safelight.videos.generation_stage import describe_attempt
from safelight.videos.models import Attempt, StageRecord, VideoRecord
from safelight.videos.references import SOURCE_SEALS

from .serializers import video_object


def record_object(record: VideoRecord, taxonomy: Taxonomy, *, for_reviewer: bool = False) -> dict[str, Any]:
    """The record with everything that a member of the tenant may see.

    The record of a vaulted video has only the final state, the attempts with their cost, and the parents.
    """
    vaulted = record.video.vaulted
    return {
        "object": "video.record",
        "video": video_object(record.video, record),
        "stages": [] if vaulted else [_stage_record(made, taxonomy, for_reviewer) for made in record.stages],
        "attempts": [_attempt(attempt) for attempt in record.attempts],
        "seal": dict(record.seal) if record.seal and not vaulted else None,
        "parents": [dict(parent) for parent in record.parents],
        "audit_log": [] if vaulted else [dict(entry) for entry in record.audit_log],
    }


def _stage_record(made: StageRecord, taxonomy: Taxonomy, for_reviewer: bool) -> dict[str, Any]:
    details = {name: value for name, value in made.details.items() if name != SOURCE_SEALS}
    if not for_reviewer and "uncovered" in details:
        # A picture must not reveal that the person shown gave a consent to another account.
        details["uncovered"] = {
            consent: why for consent, why in details["uncovered"].items() if why != Shortfall.REQUESTER
        }
    return {
        "stage": made.stage.value,
        "at": made.at,
        "verdict": _verdict(made.verdict, taxonomy),
        "findings": [_finding(finding, taxonomy) for finding in made.findings],
        "coverage": [coverage_cell(cell) for cell in made.coverage],
        "details": details,
    }


def shown_group(category: str, taxonomy: Taxonomy, *, learned: bool) -> str | None:
    """The group of a category, unless a classifier alone reported it and it is not named then."""
    named = category in taxonomy and can_name(category, learned=learned)
    return taxonomy[category].group.value if named else None


def _verdict(verdict: Verdict, taxonomy: Taxonomy) -> dict[str, Any]:
    # The category of missing checks is not a finding.
    category = "" if verdict.is_decided_by_gaps else verdict.category
    shown: dict[str, Any] = {
        "action": verdict.action.value,
        "subject_sha256": verdict.subject_sha256,
        "policy": verdict.policy,
        "policy_sha256": verdict.policy_sha256,
        "group": shown_group(category, taxonomy, learned=verdict.learned_alone),
        "category": None,
        "rule": None,
        "reason": None,
        "matched_rules": [],
        "gaps": [coverage_cell(cell) for cell in verdict.gaps],
        "waived": [coverage_cell(cell) for cell in verdict.waived],
        "waivers": list(verdict.waivers),
        "test_card_only": verdict.test_card_only,
        "learned_alone": verdict.learned_alone,
    }
    if not category or not hides_details(category, taxonomy):
        shown |= {
            "category": category or None,
            "rule": verdict.rule or None,
            "reason": verdict.reason or None,
            "matched_rules": list(verdict.matched_rules),
        }
    return shown


def _finding(finding: Finding, taxonomy: Taxonomy) -> dict[str, Any]:
    group = shown_group(
        finding.category, taxonomy, learned=is_text(finding) and finding.basis is Basis.LEARNED
    )
    if hides_details(finding.category, taxonomy):
        return {
            "group": group,
            "basis": finding.basis.value,
            "modality": finding.modality.value,
            "withheld": True,
        }
    return {**to_json(finding), "group": group, "withheld": False}


def coverage_cell(cell: Cell) -> dict[str, Any]:
    """One coverage cell as JSON, with its status."""
    return {
        "category": cell.category,
        "modality": cell.modality.value,
        "status": cell.status.value,
        "required": cell.required,
        "detectors": list(cell.detectors),
        "note": cell.note,
        "measured": cell.measured,
        "depth": cell.depth.value or None,
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "id": attempt.id,
        "number": attempt.number,
        "generator": attempt.generator,
        "billing": attempt.billing.value,
        "upstream_id": attempt.upstream_id,
        "created_at": attempt.created_at,
        "submitted_at": attempt.submitted_at,
        "ended_at": attempt.ended_at,
        "outcome": attempt.outcome,
        "charge": {
            "charged": attempt.charge.charged.value,
            "amount": attempt.charge.amount,
            "currency": attempt.charge.currency,
            "source": attempt.charge.source,
        },
        "upstream_copy_status": attempt.upstream_copy_status,
        "not_drawn": list(attempt.not_drawn),
        "generation": describe_attempt(attempt),
    }
