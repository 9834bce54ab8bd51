"""Evaluates the policy: converts the findings and the coverage of a stage to a verdict. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from safelight.core import canonical_json
from safelight.policy.decisions import required_coverage
from safelight.policy.findings import Cell, Coverage, Finding, Modality, Stage
from safelight.policy.intended_use import VideoRequester
from safelight.policy.review_overrides import ReviewedFindings, decide_with_overrides, required_label
from safelight.policy.tenant_policy import TenantPolicy
from safelight.policy.verdicts import Audience, Verdict

from .coverage_limits import annotate_coverage
from .seen_objects import join_objects


@dataclass(frozen=True, kw_only=True)
class ScreeningContext:
    """Everything that the evaluation of a file depends on, except the file itself."""

    policy: TenantPolicy
    #: Texts of the request by field. They are evaluated together with picture and sound.
    texts: Mapping[str, str] = field(default_factory=dict)
    #: Findings in `texts`, and findings that the request inherits from its sources.
    prior: tuple[Finding, ...] = ()
    #: Findings that a reviewer approved. They cannot hold the content again.
    approved: tuple[Finding, ...] = ()
    #: Findings that a successful appeal overturned. They are ignored.
    overturned: tuple[Finding, ...] = ()
    audience: Audience = Audience.GENERAL
    #: Who requests the video and for what, which a consent may be limited to.
    requester: VideoRequester = field(default_factory=VideoRequester)
    #: Texts that the generator writes into every clip by itself.
    generator_texts: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class StageInput:
    """The input of one evaluation, except the policy."""

    stage: Stage
    #: Hash of the evaluated content.
    subject_sha256: str
    findings: tuple[Finding, ...] = ()
    #: Findings with too low a score to be recorded.
    unrecorded: tuple[Finding, ...] = ()
    #: Cells of the checks that ran. The policy determines which checks are required.
    coverage: tuple[Cell, ...] = ()
    modalities: frozenset[Modality]
    audience: Audience = Audience.GENERAL
    #: Findings that a reviewer approved. They cannot hold the content again.
    approved: Collection[Finding] = ()
    #: Findings that a successful appeal overturned. They are ignored.
    overturned: Collection[Finding] = ()
    #: Ids of the consents that cover the recognised people. Empty unless every one of them is covered.
    consents: tuple[str, ...] = ()
    #: Other facts for the stage record.
    details: Mapping[str, Any] = field(default_factory=dict)
    #: Why the scan failed. If set, every required check is a coverage gap, and no waiver applies to it.
    scan_error: str = ""


@dataclass(frozen=True, kw_only=True)
class StageResult:
    """The result of one stage: findings, coverage and verdict."""

    stage: Stage
    verdict: Verdict
    findings: tuple[Finding, ...]
    coverage: Coverage
    #: Other facts, for example latency, cost and media facts.
    details: Mapping[str, Any] = field(default_factory=dict)
    #: Findings with too low a score to be recorded. They have no part in the verdict and are not stored.
    unrecorded: tuple[Finding, ...] = ()


def evaluate(policy: TenantPolicy, given: StageInput) -> StageResult:
    """Evaluate a tenant's policy and waivers on the findings and coverage of one stage.

    Pure, because the caller has loaded `policy`. Matches with a list of another tenant do not count and are
    left out of the result.
    """
    counted = tuple(
        one
        for one in given.findings
        if one.attributes.get("tenant", policy.tenant) == policy.tenant
        and (policy.test_card or given.stage is not Stage.PROMPT or not one.test_card)
    )
    counted = (*counted, *join_objects(counted))
    required = required_coverage(policy.policy, policy.taxonomy, given.stage, given.modalities)
    coverage = annotate_coverage(Coverage(cells=required).merge(given.coverage))
    if given.scan_error:
        coverage = coverage.merge(
            Cell(
                category=cell.category,
                modality=cell.modality,
                available=True,
                ran=True,
                note=given.scan_error,
            )
            for cell in required
        )
    verdict = decide_with_overrides(
        policy.policy,
        policy.taxonomy,
        findings=ReviewedFindings(findings=counted, approved=given.approved, overturned=given.overturned),
        coverage=coverage,
        context=policy.context(given.stage, audience=given.audience, consents=given.consents),
        subject_sha256=given.subject_sha256,
    )
    return StageResult(
        stage=given.stage,
        verdict=verdict,
        findings=counted,
        coverage=coverage,
        details=given.details,
        unrecorded=given.unrecorded,
    )


def reevaluate_for_appeal(
    policy: TenantPolicy, earlier: StageResult, overturned: Collection[Finding]
) -> StageResult:
    """Evaluate an earlier stage result again with the current policy.

    The findings in `overturned` are ignored, because an appeal against them was successful.
    """
    verdict = decide_with_overrides(
        policy.policy,
        policy.taxonomy,
        findings=ReviewedFindings(findings=earlier.findings, overturned=overturned),
        coverage=earlier.coverage,
        context=policy.context(
            earlier.stage, audience=earlier.verdict.audience, consents=earlier.verdict.consents
        ),
        subject_sha256=earlier.verdict.subject_sha256,
    )
    return replace(earlier, verdict=verdict)


def reevaluate_without_consent(
    policy: TenantPolicy, earlier: StageResult, consent_id: str
) -> StageResult | None:
    """Evaluate an earlier stage result again with the current policy, without one consent.

    None if the consent made no difference then. The approval of a reviewer rested on it, so it is ignored.
    """
    if consent_id not in earlier.verdict.consents:
        return None
    findings = [
        msgspec.structs.replace(one, attributes={**one.attributes, "consented": False})
        if one.attributes.get("consented")
        else one
        for one in earlier.findings
    ]
    verdict = decide_with_overrides(
        policy.policy,
        policy.taxonomy,
        findings=ReviewedFindings(findings=findings),
        coverage=earlier.coverage,
        # One person who is not covered makes the others' consents insufficient.
        context=policy.context(earlier.stage, audience=earlier.verdict.audience),
        subject_sha256=earlier.verdict.subject_sha256,
    )
    return replace(earlier, verdict=verdict)


def requires_label(policy: TenantPolicy, stage: Stage, findings: Sequence[Finding]) -> bool:
    """Whether the policy requires a label for content with these findings, if it allows the content."""
    return bool(required_label(policy.policy, policy.taxonomy, policy.context(stage), findings))


def texts_sha256(texts: Mapping[str, str]) -> str:
    """The hash of evaluated texts: SHA-256 of the fields with their texts, as canonical JSON."""
    canonical = canonical_json.document_text(dict(texts))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
