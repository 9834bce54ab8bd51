"""Pre-submission checklist: ten points about a prompt, derived from its findings and its words.

Creators share these points about the filters of providers. The checklist is advice, not a verdict: it never
suggests an untrue purpose or age, and claims no success rate for any point.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from safelight.policy.coverage import Cell
from safelight.policy.findings import Finding, Modality, TextSpan

from . import checklist_patterns
from .provider_rules import MIN_SCORE

#: A finding of these, however weak, excludes advice on the age of people.
_AGE_CATEGORIES = ("sexual", "sexual/minors", "ncii", "minors-present")


class ChecklistTopic(StrEnum):
    FACES_IN_IMAGES = "faces_in_images"
    NAMES = "names"
    HARM_WORDS = "harm_words"
    EXPLICIT_ADULTS = "explicit_adults"
    DISTRESS = "distress"
    FILM_LANGUAGE = "film_language"
    STYLE = "style"
    POSITIVE_TONE = "positive_tone"
    CONTEXT = "context"
    SIMPLIFY = "simplify"


class ChecklistState(StrEnum):
    FINE = "fine"
    #: The creator should check this point; it is not a problem by itself.
    LOOK = "look"
    #: Our detectors found it, and some provider is likely to refuse it.
    PROBLEM = "problem"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, kw_only=True)
class ChecklistItem:
    topic: ChecklistTopic
    state: ChecklistState
    message: str
    #: Character ranges in the text of the field as the caller submitted it.
    spans: tuple[TextSpan, ...] = ()
    #: Which of several messages this is, if a state of the topic has more than one.
    case: str = ""

    @property
    def message_key(self) -> str:
        """The key of the translated message."""
        return "_".join(filter(None, (self.topic.value, self.state.value.replace(" ", "_"), self.case)))

    def as_wire(self) -> dict[str, Any]:
        return {
            "topic": self.topic.value,
            "state": self.state.value,
            "message": self.message,
            "spans": [{"field": s.field, "start": s.start, "end": s.end} for s in self.spans],
        }


@dataclass(frozen=True, kw_only=True)
class _Prompt:
    text: str
    field: str
    findings: tuple[Finding, ...]
    cells: tuple[Cell, ...]
    references: int

    def findings_in(self, *categories: str, modality: Modality | None = Modality.TEXT) -> tuple[Finding, ...]:
        return tuple(
            finding
            for finding in self.findings
            if finding.category in categories
            and finding.score >= MIN_SCORE
            and (modality is None or finding.modality is modality)
            and not finding.attributes.get("negated")
        )

    def spans(self, vocabulary: str) -> tuple[TextSpan, ...]:
        return tuple(
            TextSpan(field=self.field, start=start, end=end)
            for start, end in checklist_patterns.find_spans(vocabulary, self.text)
        )

    def quoted(self, spans: Iterable[TextSpan]) -> str:
        named = dict.fromkeys(self.text[s.start : s.end] for s in spans if s.field == self.field)
        return ", ".join(f"“{word}”" for word in list(named)[:6])


def checklist(
    texts: Mapping[str, str],
    findings: Iterable[Finding],
    *,
    cells: Iterable[Cell] = (),
    references: int = 0,
    shown: Iterable[Finding] | None = None,
) -> tuple[ChecklistItem, ...]:
    """All ten checklist items for this prompt, always in the same order. Pure.

    `shown`: the findings whose text may be disclosed (default: all). The spans of other findings are left
    out.
    """
    prompt = _Prompt(
        text=texts.get("prompt", ""),
        field="prompt",
        findings=tuple(findings),
        cells=tuple(cells),
        references=references,
    )
    disclosed = prompt.findings if shown is None else tuple(shown)
    first = (
        _faces(prompt),
        _names(prompt, disclosed),
        _harm(prompt, disclosed),
        _adults(prompt),
        _distress(prompt),
    )
    at_risk = any(item.state in (ChecklistState.LOOK, ChecklistState.PROBLEM) for item in first)
    return (
        *first,
        _film(prompt, at_risk=at_risk),
        _style(prompt, at_risk=at_risk),
        _tone(prompt, at_risk=at_risk),
        _context(prompt, at_risk=at_risk),
        _simplify(prompt, sum(item.state in (ChecklistState.LOOK, ChecklistState.PROBLEM) for item in first)),
    )


def _faces(prompt: _Prompt) -> ChecklistItem:
    check = ChecklistTopic.FACES_IN_IMAGES
    if not prompt.references:
        return ChecklistItem(
            topic=check, state=ChecklistState.NOT_APPLICABLE, message="There is no reference image."
        )
    if prompt.findings_in("likeness", modality=Modality.IMAGE):
        return ChecklistItem(
            topic=check,
            state=ChecklistState.PROBLEM,
            message="A face is visible in a reference. Many providers refuse real people there; "
            "use a picture without faces, or one that is clearly drawn.",
        )
    checked = any(
        cell.category == "likeness" and cell.modality is Modality.IMAGE and cell.ran and cell.complete
        for cell in prompt.cells
    )
    if checked:
        return ChecklistItem(
            topic=check, state=ChecklistState.FINE, message="No face was found in the reference."
        )
    return ChecklistItem(
        topic=check,
        state=ChecklistState.LOOK,
        message="The reference was not checked for faces; check it yourself.",
    )


def _names(prompt: _Prompt, disclosed: tuple[Finding, ...]) -> ChecklistItem:
    people = prompt.findings_in("likeness")
    works = prompt.findings_in("ip/character", "ip/brand")
    if not people and not works:
        return ChecklistItem(
            topic=ChecklistTopic.NAMES,
            state=ChecklistState.FINE,
            message="The prompt names no celebrity, character or brand from our lists.",
        )
    spans = _spans(finding for finding in (*people, *works) if finding in disclosed)
    what = prompt.quoted(spans)
    named = f"The prompt names {what}." if what else "The prompt names a person, character or brand."
    rest = (
        "Do not name real people; describe what matters in the scene instead."
        if people
        else "Describe one of your own; a description of the same character or brand changes nothing."
    )
    return ChecklistItem(
        topic=ChecklistTopic.NAMES,
        state=ChecklistState.PROBLEM if people or prompt.findings_in("ip/character") else ChecklistState.LOOK,
        message=f"{named} {rest}",
        spans=spans,
    )


def _harm(prompt: _Prompt, disclosed: tuple[Finding, ...]) -> ChecklistItem:
    found = prompt.findings_in("violence", "violence/graphic", "self-harm", "self-harm/instructions")
    spans = prompt.spans(checklist_patterns.HARM)
    if found:
        return ChecklistItem(
            topic=ChecklistTopic.HARM_WORDS,
            state=ChecklistState.PROBLEM,
            message="The scene reads as violence or harm. "
            "If no injury is meant, describe the action without one.",
            spans=_spans(finding for finding in found if finding in disclosed) or spans,
        )
    if spans:
        return ChecklistItem(
            topic=ChecklistTopic.HARM_WORDS,
            state=ChecklistState.LOOK,
            message=f"{prompt.quoted(spans)} may be taken for harm by filters that match single words. "
            "Use another word if one has the same meaning.",
            spans=spans,
        )
    return ChecklistItem(
        topic=ChecklistTopic.HARM_WORDS,
        state=ChecklistState.FINE,
        message="The prompt has no word of violence or harm.",
    )


def _adults(prompt: _Prompt) -> ChecklistItem:
    check = ChecklistTopic.EXPLICIT_ADULTS
    children = prompt.spans(checklist_patterns.CHILDREN)
    if children or prompt.findings_in("minors-present", "sexual/minors"):
        return ChecklistItem(
            topic=check,
            state=ChecklistState.LOOK,
            message="The prompt mentions a child or a young person. Our policy allows ordinary scenes; some "
            "providers refuse all of them. Never call a child an adult.",
            spans=children,
            case="child",
        )
    people = prompt.spans(checklist_patterns.PEOPLE)
    if not people:
        return ChecklistItem(
            topic=check, state=ChecklistState.NOT_APPLICABLE, message="The prompt mentions no person."
        )
    if _no_age_advice(prompt):
        return ChecklistItem(
            topic=check, state=ChecklistState.NOT_APPLICABLE, message="This point does not apply."
        )
    if prompt.spans(checklist_patterns.ADULTS):
        return ChecklistItem(
            topic=check, state=ChecklistState.FINE, message="The prompt states that the people are adults."
        )
    return ChecklistItem(
        topic=check,
        state=ChecklistState.LOOK,
        message=f"{prompt.quoted(people)}: the prompt states no age. If you mean adults, state it.",
        spans=people,
    )


def _no_age_advice(prompt: _Prompt) -> bool:
    """Whether a statement of age must not be advised, because the prompt has a sign of youth or sex."""
    # A part of a word is enough here.
    return bool(checklist_patterns.pattern(checklist_patterns.NO_AGE_ADVICE).search(prompt.text)) or any(
        finding.category in _AGE_CATEGORIES and not finding.attributes.get("negated")
        for finding in prompt.findings
    )


def _distress(prompt: _Prompt) -> ChecklistItem:
    spans = prompt.spans(checklist_patterns.DISTRESS)
    if prompt.findings_in("self-harm/intent"):
        return ChecklistItem(
            topic=ChecklistTopic.DISTRESS,
            state=ChecklistState.LOOK,
            message="This reads like your own distress rather than a scene. Help lines are listed with "
            "the result.",
        )
    if spans:
        return ChecklistItem(
            topic=ChecklistTopic.DISTRESS,
            state=ChecklistState.LOOK,
            message=f"{prompt.quoted(spans)}: filters often take strong distress for self-harm. "
            "Remove it if the scene does not need it.",
            spans=spans,
        )
    return ChecklistItem(
        topic=ChecklistTopic.DISTRESS,
        state=ChecklistState.FINE,
        message="The prompt has no words of distress.",
    )


def _film(prompt: _Prompt, *, at_risk: bool) -> ChecklistItem:
    spans = prompt.spans(checklist_patterns.FILM)
    if spans:
        return ChecklistItem(
            topic=ChecklistTopic.FILM_LANGUAGE,
            state=ChecklistState.FINE,
            message="The prompt describes the camera.",
            spans=spans,
        )
    return ChecklistItem(
        topic=ChecklistTopic.FILM_LANGUAGE,
        state=ChecklistState.LOOK if at_risk else ChecklistState.FINE,
        message="The prompt does not describe the camera. A shot size, a camera move or the lighting makes "
        "clearer what you want to see.",
    )


def _style(prompt: _Prompt, *, at_risk: bool) -> ChecklistItem:
    spans = prompt.spans(checklist_patterns.STYLE)
    if prompt.findings_in("likeness", "ip/character", "ip/brand") and spans:
        return ChecklistItem(
            topic=ChecklistTopic.STYLE,
            state=ChecklistState.LOOK,
            message="The prompt names a style together with a person, character or brand. Name the technique "
            "(watercolour, stop motion), not its maker.",
            spans=spans,
        )
    if spans:
        return ChecklistItem(
            topic=ChecklistTopic.STYLE,
            state=ChecklistState.FINE,
            message="The prompt names a style.",
            spans=spans,
        )
    return ChecklistItem(
        topic=ChecklistTopic.STYLE,
        state=ChecklistState.LOOK if at_risk else ChecklistState.FINE,
        message="The prompt names no style. A drawn or painted style cannot be mistaken for a recording of "
        "real people.",
    )


def _tone(prompt: _Prompt, *, at_risk: bool) -> ChecklistItem:
    spans = prompt.spans(checklist_patterns.POSITIVE)
    if spans:
        return ChecklistItem(
            topic=ChecklistTopic.POSITIVE_TONE,
            state=ChecklistState.FINE,
            message="The prompt has a friendly tone.",
            spans=spans,
        )
    return ChecklistItem(
        topic=ChecklistTopic.POSITIVE_TONE,
        state=ChecklistState.LOOK if at_risk else ChecklistState.FINE,
        message="The prompt sets no tone. If the scene is friendly, say so; do not say so if it is not.",
    )


def _context(prompt: _Prompt, *, at_risk: bool) -> ChecklistItem:
    spans = prompt.spans(checklist_patterns.PURPOSE)
    if spans:
        return ChecklistItem(
            topic=ChecklistTopic.CONTEXT,
            state=ChecklistState.FINE,
            message="The prompt states the purpose of the video. Keep it only if it is true.",
            spans=spans,
        )
    return ChecklistItem(
        topic=ChecklistTopic.CONTEXT,
        state=ChecklistState.LOOK if at_risk else ChecklistState.FINE,
        message="The prompt states no purpose. If there is one, state it; do not invent one.",
    )


_MAX_CHARACTERS, _MAX_SENTENCES = 900, 8


def _simplify(prompt: _Prompt, stacked: int) -> ChecklistItem:
    if stacked >= 3:
        return ChecklistItem(
            topic=ChecklistTopic.SIMPLIFY,
            state=ChecklistState.LOOK,
            message=f"{stacked} points above apply together, and filters add up such signals. "
            "Start with the core of the scene and add one element at a time.",
        )
    if len(prompt.text) > _MAX_CHARACTERS or checklist_patterns.count_sentences(prompt.text) > _MAX_SENTENCES:
        return ChecklistItem(
            topic=ChecklistTopic.SIMPLIFY,
            state=ChecklistState.LOOK,
            message="The prompt is long. If it is refused, start with its core "
            "and add one element at a time.",
        )
    return ChecklistItem(
        topic=ChecklistTopic.SIMPLIFY, state=ChecklistState.FINE, message="The prompt is short enough."
    )


def _spans(findings: Iterable[Finding]) -> tuple[TextSpan, ...]:
    return tuple(
        dict.fromkeys(
            place for finding in findings for place in finding.evidence if isinstance(place, TextSpan)
        )
    )[:12]
