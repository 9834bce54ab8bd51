"""What follows from the verdicts of a check: one answer, and the help that goes with it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from safelight.advice.checklist import ChecklistItem, checklist
from safelight.advice.provider_rules import ProviderAdvice, advise
from safelight.generation.protocol import GeneratorInfo
from safelight.policy.categories import Taxonomy
from safelight.policy.coverage import Coverage
from safelight.policy.explanations import Explanation, ExplanationLevel, explain
from safelight.policy.findings import Finding
from safelight.policy.verdicts import Action

from .evaluation import StageResult


@dataclass(frozen=True, kw_only=True)
class Price:
    """What the order would cost by the operator's price list; None where that is not known."""

    usd: float | None
    usd_per_second: float | None
    seconds: int

    @classmethod
    def of(cls, offer: GeneratorInfo, seconds: int) -> Price:
        per_second = offer.usd_per_second
        usd = None if per_second is None else round(per_second * seconds, 6)
        return cls(usd=usd, usd_per_second=per_second, seconds=seconds)

    def as_wire(self) -> dict[str, Any]:
        return {
            "usd": self.usd,
            "usd_per_second": self.usd_per_second,
            "seconds": self.seconds,
            "source": None if self.usd is None else "price list",
        }


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """The outcome of a check: one verdict, and the help that goes with it."""

    #: The stages that looked; the strictest verdict is that of `deciding`.
    judged: tuple[StageResult, ...]
    deciding: StageResult
    explanation: Explanation
    coverage: Coverage
    #: Empty where our own policy blocks: help is for what it allows.
    checklist: tuple[ChecklistItem, ...]
    #: None where nobody was asked about, or nothing may be said.
    advice: ProviderAdvice | None
    #: Fields whose media nobody looked at: clips are judged when they are ordered.
    not_looked_at: tuple[str, ...] = ()

    @property
    def action(self) -> Action:
        return self.deciding.verdict.action


def summarize_check(
    judged: tuple[StageResult, ...],
    taxonomy: Taxonomy,
    *,
    texts: Mapping[str, str],
    asked: str = "",
    references: int = 0,
    not_looked_at: tuple[str, ...] = (),
) -> CheckResult:
    """What follows from the verdicts of a check. Pure; `asked` is the provider or model to speak about."""
    deciding = max(judged, key=lambda stage: stage.verdict.action.severity)
    coverage = judged[0].coverage.merged(cell for stage in judged[1:] for cell in stage.coverage)
    # A later stage has the findings of the earlier ones too.
    findings = tuple({_key(finding): finding for stage in judged for finding in stage.findings}.values())
    vaulted = any(stage.verdict.vault for stage in judged)
    shown = () if vaulted else disclosable(findings, taxonomy)
    blocked = vaulted or deciding.verdict.action is Action.BLOCK
    return CheckResult(
        judged=judged,
        deciding=deciding,
        explanation=explain(deciding.verdict, taxonomy, audience=ExplanationLevel.DEVELOPER),
        coverage=coverage,
        checklist=()
        if blocked
        else checklist(texts, findings, cells=coverage, references=references, shown=shown),
        advice=advise(asked, shown) if asked and not vaulted else None,
        not_looked_at=not_looked_at,
    )


def disclosable(findings: Iterable[Finding], taxonomy: Taxonomy) -> tuple[Finding, ...]:
    """The findings whose words are no manual."""
    return tuple(
        finding
        for finding in findings
        if finding.test_card or (finding.category in taxonomy and not taxonomy[finding.category].hide_details)
    )


def _key(finding: Finding) -> tuple[object, ...]:
    return finding.category, finding.modality, finding.detector, finding.score, finding.evidence
