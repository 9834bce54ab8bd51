"""The result of a prompt check in the studio: the verdicts of our policy and of a provider, highlights,
and the checklist.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from safelight.advice.checklist import ChecklistItem, ChecklistState
from safelight.advice.provider_rules import ProviderAdvice, documents
from safelight.moderation.check import CheckResult, Price, disclosable
from safelight.policy.categories import Taxonomy
from safelight.policy.explanations import ExplanationLevel, explain
from safelight.policy.findings import Finding, TextSpan
from safelight.policy.verdicts import Action

from .formatting import format_money
from .highlights import split_highlights as split_highlights
from .translations import Translations

PROMPT_FIELD = "prompt"
_TONES = {
    ChecklistState.FINE: "allow",
    ChecklistState.LOOK: "hold",
    ChecklistState.PROBLEM: "block",
    ChecklistState.NOT_APPLICABLE: "none",
}
_MAX_HIGHLIGHTS = 24


@dataclass(frozen=True, kw_only=True)
class CheckSource:
    """One verdict on the prompt. Its source is our policy or a provider."""

    name: str
    tone: str
    status: str
    text: str
    in_english: bool = False


@dataclass(frozen=True, kw_only=True)
class PromptHighlight:
    """A part of the prompt that a finding refers to. `tone` selects its colour and its underline."""

    id: int
    start: int
    end: int
    tone: str
    effect: str
    text: str
    reason: str
    in_english: bool = False
    #: What to write instead, if the checklist has advice on these words.
    suggestion: str = ""


@dataclass(frozen=True, kw_only=True)
class PromptSegment:
    text: str
    highlight_id: int = 0
    tone: str = ""


@dataclass(frozen=True, kw_only=True)
class ChecklistRow:
    name: str
    tone: str
    status: str
    text: str
    in_english: bool = False


@dataclass(frozen=True, kw_only=True)
class CheckView:
    #: False if nothing was found: the page then shows one line.
    found: bool
    sources: tuple[CheckSource, ...]
    highlights: tuple[PromptHighlight, ...]
    segments: tuple[PromptSegment, ...]
    checklist: tuple[ChecklistRow, ...]
    passed: int
    note: str
    support: tuple[tuple[str, str], ...] = ()


def list_providers() -> tuple[tuple[str, str], ...]:
    """The name and title of each provider with documented rules."""
    return tuple((name, document.title) for name, document in documents().items())


def check_view(
    result: CheckResult, price: Price, prompt: str, taxonomy: Taxonomy, t: Translations
) -> CheckView:
    """The result of a check in the user's language."""
    highlights = tuple(_find_highlights(result, prompt, taxonomy, t))
    checklist = tuple(_checklist_row(item, t) for item in result.checklist)
    verdict = result.deciding.verdict
    explanation = explain(verdict, taxonomy, level=ExplanationLevel.DEVELOPER, locale=t.tag)
    policy = CheckSource(
        name=t("check.policy"),
        tone="hold" if result.undecided else result.action.value,
        status=t(f"check.{result.verdict}"),
        text=_policy_text(result, explanation.sentence, t),
    )
    provider = _provider_source(result.advice, t) if result.advice is not None else None
    sources = (policy, *((provider,) if provider else ()))
    return CheckView(
        found=bool(highlights)
        or result.action is not Action.ALLOW
        or bool(explanation.support)
        or any(source.tone in {"hold", "block"} for source in sources),
        sources=sources,
        highlights=highlights,
        segments=_split_prompt(prompt, highlights),
        checklist=checklist,
        passed=sum(row.tone in {"allow", "none"} for row in checklist),
        note=t("check.note", cost=_format_cost(price, t)),
        support=tuple((line.name, line.text) for line in explanation.support),
    )


def _policy_text(result: CheckResult, sentence: str, t: Translations) -> str:
    if result.undecided:
        return t("check.undecided_text", fields=t.join_list(list(result.not_checked)))
    return "" if result.action is Action.ALLOW else sentence


def _format_cost(price: Price, t: Translations) -> str:
    if price.usd is None:
        return t("studio.cost_unknown")
    if price.usd == 0:
        return t("studio.cost_free")
    return t("studio.cost_about", amount=format_money(price.usd, "USD").removeprefix("$"))


def _provider_source(advice: ProviderAdvice, t: Translations) -> CheckSource | None:
    if not advice.provider:
        return None
    tone, key = {"refused": ("block", "refused"), "depends": ("hold", "some")}.get(
        advice.outcome, ("none", "unknown")
    )
    return CheckSource(
        name=t("check.provider", name=advice.title),
        tone=tone,
        status=t(f"check.risk_{key}"),
        text=" ".join(statement.statement for statement in advice.matching) or t("check.undocumented"),
        in_english=bool(advice.matching) and t.tag != "en",
    )


def _find_highlights(
    result: CheckResult, prompt: str, taxonomy: Taxonomy, t: Translations
) -> Iterator[PromptHighlight]:
    """The highlights of the prompt, without overlaps.

    Findings that decide the verdict come first, then other findings, then checklist items.
    """
    spans: dict[tuple[int, int], tuple[str, str, bool]] = {}
    findings = [finding for judged in result.stages for finding in judged.findings]
    shown = disclosable(findings, taxonomy)
    deciding = {_finding_key(finding) for finding in result.deciding.verdict.findings}
    provider_conditions = [one.when for one in result.advice.matching if one.when] if result.advice else []
    for finding in sorted(shown, key=lambda one: _finding_key(one) not in deciding):
        tone = "none"
        if _finding_key(finding) in deciding and result.action is not Action.ALLOW:
            tone = result.action.value
        elif any(when.matches(finding) for when in provider_conditions):
            tone = "provider"
        why, in_english = t.translate_finding(finding.reason)
        for start, end in _prompt_spans(finding.evidence, prompt):
            spans.setdefault((start, end), (tone, why, in_english))
    suggestions: dict[tuple[int, int], str] = {}
    for item in result.checklist:
        if item.state in {ChecklistState.LOOK, ChecklistState.PROBLEM}:
            row = _checklist_row(item, t)
            for start, end in _prompt_spans(item.spans, prompt):
                overlapping = [(a, b) for a, b in spans if start < b and a < end]
                suggestions |= {span: row.text for span in overlapping if not row.in_english}
                if not overlapping:
                    spans[start, end] = ("none", row.text or row.name, row.in_english)
    used: list[tuple[int, int]] = []
    for index, ((start, end), (tone, why, in_english)) in enumerate(spans.items()):
        if index >= _MAX_HIGHLIGHTS or any(start < b and a < end for a, b in used):
            continue
        used.append((start, end))
        kind = t(f"check.effect.{'note' if tone == 'none' else tone}")
        text = prompt[start:end]
        yield PromptHighlight(
            id=len(used),
            start=start,
            end=end,
            tone=tone,
            effect=kind,
            text=text if len(text) <= 60 else f"{text[:59]}…",
            reason=why,
            in_english=in_english,
            suggestion=suggestions.get((start, end), ""),
        )


def _finding_key(finding: Finding) -> tuple[object, ...]:
    return finding.category, finding.modality, finding.detector, finding.score


def _prompt_spans(evidence: tuple[object, ...], prompt: str) -> Iterator[tuple[int, int]]:
    for evidence_item in evidence:
        if (
            isinstance(evidence_item, TextSpan)
            and evidence_item.field == PROMPT_FIELD
            and evidence_item.start < evidence_item.end <= len(prompt)
        ):
            yield evidence_item.start, evidence_item.end


def _split_prompt(prompt: str, highlights: tuple[PromptHighlight, ...]) -> tuple[PromptSegment, ...]:
    by_start = {highlight.start: highlight for highlight in highlights}
    result, position = [], 0
    for segment in split_highlights(prompt, [(highlight.start, highlight.end) for highlight in highlights]):
        highlight = by_start.get(position) if segment.highlighted else None
        result.append(
            PromptSegment(
                text=segment.text,
                highlight_id=highlight.id if highlight else 0,
                tone=highlight.tone if highlight else "",
            )
        )
        position += len(segment.text)
    return tuple(result)


def _checklist_row(item: ChecklistItem, t: Translations) -> ChecklistRow:
    """One row of the checklist. Without a translation the English text is used."""
    state = item.state.value.replace(" ", "_")
    key = f"check.message.{item.topic.value}_{state}"
    translated = t.tag != "en" and t.has_own(key)
    return ChecklistRow(
        name=t(f"check.name.{item.topic.value}"),
        tone=_TONES[item.state],
        status=t(f"check.state.{state}"),
        text=t(key) if translated else item.message,
        in_english=t.tag != "en" and not translated,
    )
