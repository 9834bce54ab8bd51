"""The result of a check: one verdict on all stages, with advice. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from safelight.advice.checklist import ChecklistItem, checklist
from safelight.advice.provider_rules import ProviderAdvice, advise
from safelight.generation.protocol import GeneratorInfo
from safelight.policy.categories import Taxonomy
from safelight.policy.coverage import Cell, Coverage, Depth
from safelight.policy.explanations import Explanation, ExplanationLevel, explain
from safelight.policy.findings import Finding
from safelight.policy.verdicts import Action

from .evaluation import StageResult

UNDECIDED = "undecided"


@dataclass(frozen=True, kw_only=True)
class Price:
    """The price of the request in the operator's price list. None if it is not known."""

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
    """The verdict of a check, with its explanation and advice."""

    #: The results of the stages that ran. `deciding` is the result with the strictest verdict.
    stages: tuple[StageResult, ...]
    deciding: StageResult
    explanation: Explanation
    coverage: Coverage
    #: Advice on the providers. Empty if our own policy blocks, because the advice is for allowed requests.
    checklist: tuple[ChecklistItem, ...]
    #: None if the request names no provider, or if the findings are vaulted.
    advice: ProviderAdvice | None
    #: Fields with references that were not screened in the time of a check.
    not_checked: tuple[str, ...] = ()

    @property
    def lists_only(self) -> tuple[Cell, ...]:
        """The checks of text in which a classifier abstained, so that only lists judged the category."""
        return tuple(
            cell for cell in self.coverage if cell.depth is Depth.LISTS and cell.complete and cell.note
        )

    @property
    def action(self) -> Action:
        return self.deciding.verdict.action

    @property
    def undecided(self) -> bool:
        """Whether a reference that was not screened can still lead to a hold or a block."""
        return bool(self.not_checked) and self.action.severity < Action.HOLD.severity

    @property
    def verdict(self) -> str:
        """The verdict as clients get it: an action, or `undecided`."""
        return UNDECIDED if self.undecided else self.action.value

    @property
    def summary(self) -> str:
        if not self.undecided:
            return self.explanation.sentence
        return (
            f"Undecided: the check of {', '.join(self.not_checked)} was not finished in time. "
            "After a submission it is checked in full, and can then be held or blocked."
        )


def summarize_check(
    results: tuple[StageResult, ...],
    taxonomy: Taxonomy,
    *,
    texts: Mapping[str, str],
    asked: str = "",
    references: int = 0,
    not_checked: tuple[str, ...] = (),
) -> CheckResult:
    """Combine the results of the stages. `asked` is the provider or model for which advice is wanted."""
    deciding = max(results, key=lambda stage: stage.verdict.action.severity)
    coverage = results[0].coverage.merge(cell for stage in results[1:] for cell in stage.coverage)
    # Each stage repeats the findings of the stages before it.
    findings = tuple({_key(finding): finding for stage in results for finding in stage.findings}.values())
    vaulted = any(stage.verdict.vault for stage in results)
    shown = () if vaulted else disclosable(findings, taxonomy)
    blocked = vaulted or deciding.verdict.action is Action.BLOCK
    return CheckResult(
        stages=results,
        deciding=deciding,
        explanation=explain(deciding.verdict, taxonomy, level=ExplanationLevel.DEVELOPER),
        coverage=coverage,
        checklist=()
        if blocked
        else checklist(texts, findings, cells=coverage, references=references, shown=shown),
        advice=advise(asked, shown) if asked and not vaulted else None,
        not_checked=not_checked,
    )


def disclosable(findings: Iterable[Finding], taxonomy: Taxonomy) -> tuple[Finding, ...]:
    """The findings whose text may be shown, because it cannot be used as instructions."""
    return tuple(
        finding
        for finding in findings
        if finding.test_card or (finding.category in taxonomy and not taxonomy[finding.category].hide_details)
    )


def _key(finding: Finding) -> tuple[object, ...]:
    return finding.category, finding.modality, finding.detector, finding.score, finding.evidence
