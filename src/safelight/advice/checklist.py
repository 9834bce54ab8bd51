"""Ten things to look at before an order, from our own findings and the words of the prompt.

The list is the one that creators pass around for providers' filters. It is help, no verdict, and honest: it
never suggests a purpose or an age that is not so, and it claims no rate of success for any of its points.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from safelight.policy.coverage import Cell
from safelight.policy.findings import Finding, Modality, TextSpan

from . import checklist_patterns
from .provider_rules import SEEN_FROM


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
    #: Worth a look; nothing is wrong.
    LOOK = "look"
    #: Seen by our own detectors, and likely to be refused somewhere.
    PROBLEM = "problem"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, kw_only=True)
class ChecklistItem:
    check: ChecklistTopic
    state: ChecklistState
    sentence: str
    #: Characters of a field as it was typed.
    spans: tuple[TextSpan, ...] = ()

    def as_wire(self) -> dict[str, Any]:
        return {
            "check": self.check.value,
            "state": self.state.value,
            "sentence": self.sentence,
            "spans": [{"field": s.field, "start": s.start, "end": s.end} for s in self.spans],
        }


@dataclass(frozen=True, kw_only=True)
class _Order:
    text: str
    field: str
    findings: tuple[Finding, ...]
    cells: tuple[Cell, ...]
    references: int

    def seen(self, *categories: str, modality: Modality | None = Modality.TEXT) -> tuple[Finding, ...]:
        return tuple(
            finding
            for finding in self.findings
            if finding.category in categories
            and finding.score >= SEEN_FROM
            and (modality is None or finding.modality is modality)
            and not finding.attributes.get("negated")
        )

    def spans(self, vocabulary: str) -> tuple[TextSpan, ...]:
        return tuple(
            TextSpan(field=self.field, start=start, end=end)
            for start, end in checklist_patterns.places(vocabulary, self.text)
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
    """The ten checks, always all of them and in this order. Pure.

    `shown` are the findings whose words may be told, where not all may be; spans come from those only.
    """
    order = _Order(
        text=texts.get("prompt", ""),
        field="prompt",
        findings=tuple(findings),
        cells=tuple(cells),
        references=references,
    )
    tellable = order.findings if shown is None else tuple(shown)
    first = (
        _faces(order),
        _names(order, tellable),
        _harm(order, tellable),
        _adults(order),
        _distress(order),
    )
    at_risk = any(item.state in (ChecklistState.LOOK, ChecklistState.PROBLEM) for item in first)
    return (
        *first,
        _film(order, at_risk=at_risk),
        _style(order, at_risk=at_risk),
        _tone(order, at_risk=at_risk),
        _context(order, at_risk=at_risk),
        _simplify(order, sum(item.state in (ChecklistState.LOOK, ChecklistState.PROBLEM) for item in first)),
    )


def _faces(order: _Order) -> ChecklistItem:
    check = ChecklistTopic.FACES_IN_IMAGES
    if not order.references:
        return ChecklistItem(
            check=check, state=ChecklistState.NOT_APPLICABLE, sentence="There is no reference image."
        )
    if order.seen("likeness", modality=Modality.IMAGE):
        return ChecklistItem(
            check=check,
            state=ChecklistState.PROBLEM,
            sentence="A face is visible in a reference. Many providers refuse real people there; "
            "use a picture without faces, or one that is clearly drawn.",
        )
    looked = any(
        cell.category == "likeness" and cell.modality is Modality.IMAGE and cell.ran and cell.complete
        for cell in order.cells
    )
    if looked:
        return ChecklistItem(
            check=check, state=ChecklistState.FINE, sentence="No face was seen in the reference."
        )
    return ChecklistItem(
        check=check,
        state=ChecklistState.LOOK,
        sentence="Nobody looked for faces in the reference; look yourself.",
    )


def _names(order: _Order, tellable: tuple[Finding, ...]) -> ChecklistItem:
    people = order.seen("likeness")
    works = order.seen("ip/character", "ip/brand")
    if not people and not works:
        return ChecklistItem(
            check=ChecklistTopic.NAMES,
            state=ChecklistState.FINE,
            sentence="No celebrity, character or brand that our lists know is named.",
        )
    spans = _spans(finding for finding in (*people, *works) if finding in tellable)
    what = order.quoted(spans)
    named = f"{what} is named." if what else "A person, character or brand is named."
    rest = (
        "Name nobody real; describe what matters of the scene instead."
        if people
        else "Describe something of your own instead; a description of the same figure stays the same figure."
    )
    return ChecklistItem(
        check=ChecklistTopic.NAMES,
        state=ChecklistState.PROBLEM if people or order.seen("ip/character") else ChecklistState.LOOK,
        sentence=f"{named} {rest}",
        spans=spans,
    )


def _harm(order: _Order, tellable: tuple[Finding, ...]) -> ChecklistItem:
    found = order.seen("violence", "violence/graphic", "self-harm", "self-harm/instructions")
    spans = order.spans(checklist_patterns.HARM)
    if found:
        return ChecklistItem(
            check=ChecklistTopic.HARM_WORDS,
            state=ChecklistState.PROBLEM,
            sentence="The scene reads as violence or harm. Show what happens without the injury, "
            "if that is what you mean.",
            spans=_spans(finding for finding in found if finding in tellable) or spans,
        )
    if spans:
        return ChecklistItem(
            check=ChecklistTopic.HARM_WORDS,
            state=ChecklistState.LOOK,
            sentence=f"{order.quoted(spans)} can be read as harm by a filter that looks at single words. "
            "Where another word says the same, take that one.",
            spans=spans,
        )
    return ChecklistItem(
        check=ChecklistTopic.HARM_WORDS, state=ChecklistState.FINE, sentence="No word of violence or harm."
    )


def _adults(order: _Order) -> ChecklistItem:
    check = ChecklistTopic.EXPLICIT_ADULTS
    children = order.spans(checklist_patterns.CHILDREN)
    if children or order.seen("minors-present", "sexual/minors"):
        return ChecklistItem(
            check=check,
            state=ChecklistState.LOOK,
            sentence="A child or a young person is named. Ordinary scenes are fine here; several "
            "providers refuse "
            "any. Never call a child an adult.",
            spans=children,
        )
    people = order.spans(checklist_patterns.PEOPLE)
    if not people:
        return ChecklistItem(check=check, state=ChecklistState.NOT_APPLICABLE, sentence="No person is named.")
    if order.spans(checklist_patterns.ADULTS):
        return ChecklistItem(
            check=check, state=ChecklistState.FINE, sentence="The people are said to be grown up."
        )
    return ChecklistItem(
        check=check,
        state=ChecklistState.LOOK,
        sentence=f"{order.quoted(people)}: no age is said. If you mean adults, say so.",
        spans=people,
    )


def _distress(order: _Order) -> ChecklistItem:
    spans = order.spans(checklist_patterns.DISTRESS)
    if order.seen("self-harm/intent"):
        return ChecklistItem(
            check=ChecklistTopic.DISTRESS,
            state=ChecklistState.LOOK,
            sentence="This reads like your own distress rather than a scene. Help lines are shown with "
            "the answer.",
        )
    if spans:
        return ChecklistItem(
            check=ChecklistTopic.DISTRESS,
            state=ChecklistState.LOOK,
            sentence=f"{order.quoted(spans)}: strong distress is often taken for self-harm. "
            "Where the scene does not need it, leave it out.",
            spans=spans,
        )
    return ChecklistItem(
        check=ChecklistTopic.DISTRESS, state=ChecklistState.FINE, sentence="No words of distress."
    )


def _film(order: _Order, *, at_risk: bool) -> ChecklistItem:
    spans = order.spans(checklist_patterns.FILM)
    if spans:
        return ChecklistItem(
            check=ChecklistTopic.FILM_LANGUAGE,
            state=ChecklistState.FINE,
            sentence="It says what the camera does.",
            spans=spans,
        )
    return ChecklistItem(
        check=ChecklistTopic.FILM_LANGUAGE,
        state=ChecklistState.LOOK if at_risk else ChecklistState.FINE,
        sentence="It says nothing of the camera. A shot size, a move or a light says more of what you "
        "want to see.",
    )


def _style(order: _Order, *, at_risk: bool) -> ChecklistItem:
    spans = order.spans(checklist_patterns.STYLE)
    if order.seen("likeness", "ip/character", "ip/brand") and spans:
        return ChecklistItem(
            check=ChecklistTopic.STYLE,
            state=ChecklistState.LOOK,
            sentence="A style is named beside somebody's name. Name the technique (watercolour, stop motion) "
            "rather than its maker.",
            spans=spans,
        )
    if spans:
        return ChecklistItem(
            check=ChecklistTopic.STYLE, state=ChecklistState.FINE, sentence="A style is named.", spans=spans
        )
    return ChecklistItem(
        check=ChecklistTopic.STYLE,
        state=ChecklistState.LOOK if at_risk else ChecklistState.FINE,
        sentence="No style is named. A drawn or painted style cannot be taken for a recording of real "
        "people.",
    )


def _tone(order: _Order, *, at_risk: bool) -> ChecklistItem:
    spans = order.spans(checklist_patterns.POSITIVE)
    if spans:
        return ChecklistItem(
            check=ChecklistTopic.POSITIVE_TONE,
            state=ChecklistState.FINE,
            sentence="The tone is friendly.",
            spans=spans,
        )
    return ChecklistItem(
        check=ChecklistTopic.POSITIVE_TONE,
        state=ChecklistState.LOOK if at_risk else ChecklistState.FINE,
        sentence="The tone is left open. If the scene is friendly, say so; do not say it where it is not.",
    )


def _context(order: _Order, *, at_risk: bool) -> ChecklistItem:
    spans = order.spans(checklist_patterns.PURPOSE)
    if spans:
        return ChecklistItem(
            check=ChecklistTopic.CONTEXT,
            state=ChecklistState.FINE,
            sentence="It says what the video is for. Keep that only if it is true.",
            spans=spans,
        )
    return ChecklistItem(
        check=ChecklistTopic.CONTEXT,
        state=ChecklistState.LOOK if at_risk else ChecklistState.FINE,
        sentence="It does not say what the video is for. If there is a purpose, say it; do not invent one.",
    )


_LONG, _MANY = 900, 8


def _simplify(order: _Order, stacked: int) -> ChecklistItem:
    if stacked >= 3:
        return ChecklistItem(
            check=ChecklistTopic.SIMPLIFY,
            state=ChecklistState.LOOK,
            sentence=f"{stacked} of the checks above stand together, and filters add such things up. "
            "Begin with the core of the scene and add one thing at a time.",
        )
    if len(order.text) > _LONG or checklist_patterns.sentences(order.text) > _MANY:
        return ChecklistItem(
            check=ChecklistTopic.SIMPLIFY,
            state=ChecklistState.LOOK,
            sentence="The prompt is long. If it is refused, begin with its core and add one thing at a time.",
        )
    return ChecklistItem(
        check=ChecklistTopic.SIMPLIFY, state=ChecklistState.FINE, sentence="The prompt is short enough."
    )


def _spans(findings: Iterable[Finding]) -> tuple[TextSpan, ...]:
    return tuple(
        dict.fromkeys(
            place for finding in findings for place in finding.evidence if isinstance(place, TextSpan)
        )
    )[:12]
