"""The result of a check: one verdict on all stages, with advice. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from safelight.core.errors import InvalidField
from safelight.core.i18n import DEFAULT, load_messages
from safelight.policy.explanations import Explanation, ExplanationLevel, explain
from safelight.policy.findings import Cell, Coverage, Depth, Finding, Taxonomy
from safelight.policy.verdicts import Action, describe_outcome
from safelight.providers.advice.checklist import ChecklistItem, checklist
from safelight.providers.advice.documented_refusals import DocumentedRefusals, find_documented_refusals
from safelight.providers.advice.help_gate import WITHOUT_ADVICE
from safelight.providers.advice.prompt_advice import AdviceOptions, PromptAdvice, ScreenedRequest, advise_on
from safelight.providers.advice.provider_rules import ProviderAdvice, advise
from safelight.providers.advice.rewriter_report import RewriterReport
from safelight.providers.advice.suggestion import Suggestion
from safelight.providers.protocol import GeneratorInfo
from safelight.screening.evaluation import StageResult

UNDECIDED = "undecided"
TEMPLATE_REQUIRED = (
    "This team demands a template: a video is refused unless its whole text is made from an approved one."
)
_CHECK_AGAIN = "A check has time for such a clip: check it again alone, or a little later."
_HOW_TO_SCAN = "To have a clip scanned without a submission: safelight scan FILE"
#: Verdicts from the most lenient to the strictest.
_SEVERITY = {name: rank for rank, name in enumerate(("allow", "label", UNDECIDED, "hold", "block"))}


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
    #: Makes `checklist`.
    make_checklist: Callable[[], tuple[ChecklistItem, ...]]
    #: None if the request names no provider, if the findings are vaulted, or if it gets no advice.
    advice: ProviderAdvice | None
    #: Drivers, provider risk and suggestions.
    prompt_advice: PromptAdvice
    #: Fields with references that were not screened in the time of a check, with the estimated seconds of the
    #: scan of a clip.
    not_checked: Mapping[str, float | None] = field(default_factory=dict)
    #: Whether the policy demands a template and this request, as it is, would be refused for it.
    template_required: bool = False
    #: None if no rewrites of a language model were asked for.
    rewriter: RewriterReport | None = None
    #: What several providers document, if the request names none and our policy allows it.
    documented_refusals: DocumentedRefusals | None = None

    @cached_property
    def checklist(self) -> tuple[ChecklistItem, ...]:
        """Advice on the providers. Empty if help is refused, because it names words and what to write
        instead. Made when it is first read, because a run over many prompts does not read it.
        """
        return self.make_checklist() if self.prompt_advice.helps else ()

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
    def outcome(self) -> str:
        """The verdict, or that it allows the request only because required checks were waived."""
        is_waived = any(stage.verdict.waivers for stage in self.stages)
        return UNDECIDED if self.undecided else describe_outcome(self.action, waived=is_waived)

    @property
    def summary(self) -> str:
        if self.template_required:
            return f"{self._sentence} {TEMPLATE_REQUIRED}"
        return self._sentence

    @property
    def has_short_clip(self) -> bool:
        """Whether a clip was not screened that a check has time for: other clips were scanned instead."""
        if not self.not_checked:
            return False
        # Here, because a check of a prompt does not load what scans need.
        from safelight.screening.timed_reference import CHECK_TIMEOUT_S

        return any(seconds is not None and seconds < CHECK_TIMEOUT_S for seconds in self.not_checked.values())

    @property
    def _sentence(self) -> str:
        if not self.undecided:
            return self.explanation.sentence
        clips = [
            f"The scan of {name} takes about {math.ceil(seconds)} s."
            for name, seconds in self.not_checked.items()
            if seconds is not None
        ]
        return " ".join(
            (
                f"Undecided: the check of {', '.join(self.not_checked)} was not finished in time.",
                *clips,
                "After a submission it is checked in full, and can then be held or blocked.",
                *((_CHECK_AGAIN,) if self.has_short_clip else ()),
                *((_HOW_TO_SCAN,) if clips else ()),
            )
        )


def advice_wire(found: CheckResult, locale: str = DEFAULT) -> dict[str, Any]:
    """The verdict with the advice, as the command line and the API report it."""
    messages, several = load_messages("advice", locale), found.documented_refusals
    return {
        "verdict": found.verdict,
        "outcome": found.outcome,
        **found.prompt_advice.as_wire(locale),
        "rewriter": found.rewriter.as_wire(messages) if found.rewriter else None,
        "documented_refusals": several.as_wire(messages) if several else None,
        "checklist": [item.as_wire() for item in found.checklist],
    }


def find_suggestion(found: CheckResult, number: int) -> Suggestion:
    """The suggestion with this number. Raises `InvalidField` if there is none."""
    for suggestion in found.prompt_advice.suggestions:
        if suggestion.number == number > 0:
            return suggestion
    last = max((one.number for one in found.prompt_advice.suggestions), default=0)
    offered = f"Suggestions 1 to {last} can be applied." if last else "There is nothing to apply."
    raise InvalidField(f"There is no suggestion {number}. {offered}", param="apply")


def applied_wire(original: CheckResult, suggestion: Suggestion, rewritten: CheckResult) -> dict[str, Any]:
    """An applied suggestion. Its verdict is the stricter one of the original and the rewritten prompt."""
    stricter = rewritten if is_stricter(rewritten, original) else original
    return {
        "number": suggestion.number,
        "prompt": suggestion.rewritten,
        "diff": [part.as_wire() for part in suggestion.diff],
        "verdict": stricter.verdict,
        "risk_level": rewritten.prompt_advice.risk.level.value,
    }


def is_stricter(one: CheckResult, other: CheckResult) -> bool:
    """Whether the verdict of `one` is stricter than that of `other`."""
    return _SEVERITY[one.verdict] > _SEVERITY[other.verdict]


def summarize_check(
    results: tuple[StageResult, ...],
    taxonomy: Taxonomy,
    *,
    texts: Mapping[str, str],
    options: AdviceOptions,
    references: int = 0,
    not_checked: Mapping[str, float | None] = {},
) -> CheckResult:
    """Combine the results of the stages, and advise on the request."""
    deciding = max(results, key=lambda stage: stage.verdict.action.severity)
    coverage = results[0].coverage.merge(cell for stage in results[1:] for cell in stage.coverage)
    # Each stage repeats the findings of the stages before it.
    findings = tuple({_key(finding): finding for stage in results for finding in stage.findings}.values())
    vaulted = any(stage.verdict.vault for stage in results)
    shown = () if vaulted else disclosable(findings, taxonomy)
    action = deciding.verdict.action
    explanation = explain(deciding.verdict, taxonomy, level=ExplanationLevel.DEVELOPER)
    provider = advise(options.provider, shown) if options.provider and not vaulted else None
    request = ScreenedRequest(
        texts=texts,
        findings=findings,
        unrecorded=tuple(one for stage in results for one in stage.unrecorded),
        shown=shown,
        cells=coverage.cells,
        action=Action.BLOCK if vaulted else action,
        undecided=bool(not_checked),
        supported=bool(explanation.support),
        references=references,
    )
    prompt_advice = advise_on(request, provider, options)
    is_withheld = prompt_advice.refusal in WITHOUT_ADVICE
    return CheckResult(
        stages=results,
        deciding=deciding,
        explanation=explanation,
        coverage=coverage,
        make_checklist=partial(
            checklist, texts, findings, cells=coverage, references=references, shown=shown
        ),
        advice=None if is_withheld else provider,
        prompt_advice=prompt_advice,
        not_checked=not_checked,
        documented_refusals=None
        if options.provider or is_withheld or action.severity >= Action.HOLD.severity
        else find_documented_refusals(shown),
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
