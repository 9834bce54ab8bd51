"""Evaluates the policy: findings and coverage of one stage in, a verdict out. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from safelight import canonical_json
from safelight.policy.coverage import Cell, Coverage
from safelight.policy.decisions import required_coverage
from safelight.policy.findings import Finding, Modality, Stage
from safelight.policy.review_overrides import ReviewedFindings, decide_with_overrides, required_label
from safelight.policy.verdicts import Audience, Verdict

from .coverage_limits import annotate_coverage
from .tenant_policy import TenantPolicy


@dataclass(frozen=True, kw_only=True)
class StageInput:
    """Everything that one evaluation of the policy depends on, except the policy."""

    stage: Stage
    #: Hash of the evaluated content.
    subject_sha256: str
    findings: tuple[Finding, ...] = ()
    #: Checks that ran. The policy names the checks that are required.
    coverage: tuple[Cell, ...] = ()
    modalities: frozenset[Modality]
    audience: Audience = Audience.GENERAL
    #: Findings that a reviewer accepted earlier: they cannot hold the content again.
    approved: Collection[Finding] = ()
    #: Findings that a successful appeal overturned.
    overturned: Collection[Finding] = ()
    #: Ids of consent records that cover every recognised person.
    consents: tuple[str, ...] = ()
    #: Facts for the stage record besides findings and coverage.
    details: Mapping[str, Any] = field(default_factory=dict)
    #: Why the scan failed. If set, every required check is a gap and no waiver excuses it.
    scan_error: str = ""


@dataclass(frozen=True, kw_only=True)
class StageResult:
    """The outcome of one stage: findings, coverage and verdict."""

    stage: Stage
    verdict: Verdict
    findings: tuple[Finding, ...]
    coverage: Coverage
    #: Facts besides findings: latency, cost, what the file is.
    details: Mapping[str, Any] = field(default_factory=dict)


def evaluate(policy: TenantPolicy, given: StageInput) -> StageResult:
    """Apply a tenant's policy and waivers to what a stage found. Pure: the caller loaded `policy`."""
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
        findings=ReviewedFindings(
            findings=given.findings, approved=given.approved, overturned=given.overturned
        ),
        coverage=coverage,
        context=policy.context(given.stage, audience=given.audience, consents=given.consents),
        subject_sha256=given.subject_sha256,
    )
    return StageResult(
        stage=given.stage,
        verdict=verdict,
        findings=given.findings,
        coverage=coverage,
        details=given.details,
    )


def reevaluate_for_appeal(
    policy: TenantPolicy, earlier: StageResult, overturned: Collection[Finding]
) -> StageResult:
    """An earlier stage result under today's policy, after a successful appeal against `overturned`."""
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


def requires_label(policy: TenantPolicy, stage: Stage, findings: Sequence[Finding]) -> bool:
    """Whether the policy labels content with these findings, provided that it lets the content through."""
    return bool(required_label(policy.policy, policy.context(stage), findings))


def texts_sha256(texts: Mapping[str, str]) -> str:
    """The hash of the texts that a verdict is about: SHA-256 of their fields as canonical JSON."""
    canonical = canonical_json.document_text(dict(texts))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
