"""Words looked at as they are typed: what each source says, which words it rests on, and the ten checks."""

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

from .formatting import category_name, money
from .highlights import split_highlights as cut
from .translations import Translations

FIELD = "prompt"
_TONES = {
    ChecklistState.FINE: "allow",
    ChecklistState.LOOK: "hold",
    ChecklistState.PROBLEM: "block",
    ChecklistState.NOT_APPLICABLE: "none",
}
_MOST_MARKS = 24


@dataclass(frozen=True, kw_only=True)
class CheckSource:
    """Who says something: our policy, a provider."""

    name: str
    tone: str
    word: str
    text: str
    foreign: bool = False


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Words something rests on. `tone` is also the kind of the underline."""

    id: int
    start: int
    end: int
    tone: str
    kind: str
    text: str
    why: str
    foreign: bool = False


@dataclass(frozen=True, kw_only=True)
class MarkedText:
    text: str
    mark: int = 0
    tone: str = ""


@dataclass(frozen=True, kw_only=True)
class CheckStep:
    name: str
    tone: str
    word: str
    text: str
    foreign: bool = False


@dataclass(frozen=True, kw_only=True)
class CheckView:
    sources: tuple[CheckSource, ...]
    marks: tuple[Mark, ...]
    pieces: tuple[MarkedText, ...]
    steps: tuple[CheckStep, ...]
    good: int
    foot: str
    support: tuple[tuple[str, str], ...] = ()


def providers() -> tuple[tuple[str, str], ...]:
    """The providers whose documented rules can be asked about: name and title."""
    return tuple((name, document.title) for name, document in documents().items())


def view(found: CheckResult, price: Price, prompt: str, taxonomy: Taxonomy, words: Translations) -> CheckView:
    """The outcome of a check, in the reader's language."""
    marks = tuple(_marks(found, prompt, taxonomy, words))
    steps = tuple(_step(item, words) for item in found.checklist)
    verdict = found.deciding.verdict
    told = explain(verdict, taxonomy, level=ExplanationLevel.DEVELOPER, locale=words.tag)
    policy = CheckSource(
        name=words("check.policy"),
        tone=found.action.value,
        word=words(f"check.{found.action.value}"),
        text="" if found.action is Action.ALLOW else told.sentence,
    )
    provider = _provider(found.advice, words) if found.advice is not None else None
    return CheckView(
        sources=(policy, *((provider,) if provider else ())),
        marks=marks,
        pieces=_pieces(prompt, marks),
        steps=steps,
        good=sum(step.tone in {"allow", "none"} for step in steps),
        foot=words("check.cost", cost=_cost(price, words)),
        support=tuple((line.name, line.text) for line in told.support),
    )


def _cost(price: Price, words: Translations) -> str:
    if price.usd is None:
        return words("studio.cost_unknown")
    if price.usd == 0:
        return words("studio.cost_free")
    return words("studio.cost_about", amount=money(price.usd, "USD").removeprefix("$"))


def _provider(advice: ProviderAdvice, words: Translations) -> CheckSource | None:
    if not advice.provider:
        return None
    tone, key = {"refused": ("block", "refused"), "depends": ("hold", "some")}.get(
        advice.outcome, ("none", "unknown")
    )
    return CheckSource(
        name=words("check.provider", name=advice.title),
        tone=tone,
        word=words(f"check.risk_{key}"),
        text=" ".join(statement.statement for statement in advice.matching) or words("check.undocumented"),
        foreign=bool(advice.matching) and words.tag != "en",
    )


def _marks(found: CheckResult, prompt: str, taxonomy: Taxonomy, words: Translations) -> Iterator[Mark]:
    """Each stretch once: what our policy rests on first, then what a provider documents, then the rest."""
    spans: dict[tuple[int, int], tuple[str, str, bool]] = {}
    findings = [finding for judged in found.judged for finding in judged.findings]
    shown = disclosable(findings, taxonomy)
    deciding = {_key(finding) for finding in found.deciding.verdict.findings}
    touched = [one.when for one in found.advice.matching if one.when] if found.advice else []
    for finding in sorted(shown, key=lambda one: _key(one) not in deciding):
        tone = "none"
        if _key(finding) in deciding and found.action is not Action.ALLOW:
            tone = found.action.value
        elif any(when.matches(finding) for when in touched):
            tone = "provider"
        why = finding.reason if words.tag == "en" else category_name(finding.category, words)
        for start, end in _places(finding.evidence, prompt):
            spans.setdefault((start, end), (tone, why, False))
    for item in found.checklist:
        if item.state in {ChecklistState.LOOK, ChecklistState.PROBLEM}:
            step = _step(item, words)
            for start, end in _places(item.spans, prompt):
                if not any(start < other_end and other < end for other, other_end in spans):
                    spans[start, end] = ("none", step.text or step.name, step.foreign)
    taken: list[tuple[int, int]] = []
    for number, ((start, end), (tone, why, foreign)) in enumerate(spans.items()):
        if number >= _MOST_MARKS or any(start < b and a < end for a, b in taken):
            continue
        taken.append((start, end))
        kind = words(f"check.kind.{'note' if tone == 'none' else tone}")
        text = prompt[start:end]
        yield Mark(
            id=len(taken),
            start=start,
            end=end,
            tone=tone,
            kind=kind,
            text=text if len(text) <= 60 else f"{text[:59]}…",
            why=why,
            foreign=foreign,
        )


def _key(finding: Finding) -> tuple[object, ...]:
    return finding.category, finding.modality, finding.detector, finding.score


def _places(evidence: tuple[object, ...], prompt: str) -> Iterator[tuple[int, int]]:
    for place in evidence:
        if isinstance(place, TextSpan) and place.field == FIELD and place.start < place.end <= len(prompt):
            yield place.start, place.end


def _pieces(prompt: str, marks: tuple[Mark, ...]) -> tuple[MarkedText, ...]:
    by_start = {mark.start: mark for mark in marks}
    found, at = [], 0
    for piece in cut(prompt, [(mark.start, mark.end) for mark in marks]):
        mark = by_start.get(at) if piece.marked else None
        found.append(MarkedText(text=piece.text, mark=mark.id if mark else 0, tone=mark.tone if mark else ""))
        at += len(piece.text)
    return tuple(found)


def _step(item: ChecklistItem, words: Translations) -> CheckStep:
    """One of the ten. Where a language has no sentence for how it stands, the English one is said."""
    state = item.state.value.replace(" ", "_")
    key = f"check.say.{item.topic.value}_{state}"
    own = words.tag != "en" and words.has_own(key)
    return CheckStep(
        name=words(f"check.name.{item.topic.value}"),
        tone=_TONES[item.state],
        word=words(f"check.state.{state}"),
        text=words(key) if own else item.message,
        foreign=words.tag != "en" and not own,
    )
