"""From findings and coverage to a verdict on the record: the part every stage shares."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from safelight import canonical_json
from safelight.policy.categories import Taxonomy
from safelight.policy.coverage import Cell, Coverage
from safelight.policy.decisions import requirements
from safelight.policy.documents import Policy
from safelight.policy.findings import Finding, Modality, Stage
from safelight.policy.review_overrides import decide_with_overrides, required_label
from safelight.policy.verdicts import Audience, Context, Verdict, WaiverTerms

from .coverage_limits import annotate_coverage


def _no_facts(_tenant: str) -> frozenset[str]:
    return frozenset()


@dataclass(frozen=True, kw_only=True)
class StageResult:
    """What one stage saw, what was covered, and what the policy made of it."""

    stage: Stage
    verdict: Verdict
    findings: tuple[Finding, ...]
    coverage: Coverage
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PolicyEvaluator:
    """Asks the policy in force. The only caller of `decide` on live content."""

    taxonomy: Taxonomy
    #: The policy of a tenant, as published.
    policy: Callable[[str], Policy]
    #: The waivers in force for a tenant now.
    waivers: Callable[[str], tuple[WaiverTerms, ...]]
    #: Facts about a tenant's work that `unless: context` may ask for, as the operator declared them.
    facts: Callable[[str], frozenset[str]] = _no_facts

    def evaluate(
        self,
        stage: Stage,
        *,
        tenant: str,
        findings: Iterable[Finding],
        cells: Iterable[Cell],
        modalities: frozenset[Modality],
        subject_sha256: str,
        audience: Audience = Audience.GENERAL,
        extra: Mapping[str, Any] | None = None,
        settled: Collection[Finding] = (),
        overturned: Collection[Finding] = (),
        consents: tuple[str, ...] = (),
        failure: str = "",
    ) -> StageResult:
        """The verdict on findings; `cells` say what really ran, the policy what should have.

        `failure`: why nothing was looked at at all; then every cell that is required is a hole, and no
        waiver excuses it. `consents` are ids of consent records that cover everybody who was recognised.
        `settled` are findings that a person has let through, `overturned` those an appeal was won against:
        see `decide_reviewed`.
        """
        policy = self.policy(tenant)
        required = requirements(policy, self.taxonomy, stage, modalities)
        coverage = annotate_coverage(Coverage(cells=required).merged(cells))
        if failure:
            coverage = coverage.merged(
                Cell(category=cell.category, modality=cell.modality, available=True, ran=True, note=failure)
                for cell in required
            )
        seen = tuple(findings)
        verdict = decide_with_overrides(
            policy,
            self.taxonomy,
            findings=seen,
            settled=settled,
            overturned=overturned,
            coverage=coverage,
            context=Context(
                stage=stage,
                audience=audience,
                consents=consents,
                waivers=self.waivers(tenant),
                facts=self.facts(tenant),
            ),
            subject_sha256=subject_sha256,
        )
        return StageResult(stage=stage, verdict=verdict, findings=seen, coverage=coverage, extra=extra or {})

    def reevaluate_for_appeal(
        self, made: StageResult, *, tenant: str, overturned: Collection[Finding]
    ) -> StageResult:
        """What the policy in force now says to what was seen then, once an appeal against it was won."""
        verdict = decide_with_overrides(
            self.policy(tenant),
            self.taxonomy,
            findings=made.findings,
            settled=(),
            overturned=overturned,
            coverage=made.coverage,
            context=Context(
                stage=made.stage,
                audience=made.verdict.audience,
                consents=made.verdict.consents,
                waivers=self.waivers(tenant),
                facts=self.facts(tenant),
            ),
            subject_sha256=made.verdict.subject_sha256,
        )
        return replace(made, verdict=verdict)

    def wants_label(self, tenant: str, stage: Stage, findings: Sequence[Finding]) -> bool:
        """Whether the policy in force wants these findings labelled, if they are let through at all."""
        context = Context(stage=stage, waivers=self.waivers(tenant), facts=self.facts(tenant))
        return bool(required_label(self.policy(tenant), context, findings))


def texts_sha256(texts: Mapping[str, str]) -> str:
    """The hash a text verdict is bound to: of the fields in canonical JSON."""
    canonical = canonical_json.document_text(dict(texts))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
