"""The underlined parts of a checked prompt: each with its effect, its reason, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from safelight.policy.findings import Finding, Taxonomy, TextSpan
from safelight.policy.verdicts import Action
from safelight.providers.advice.check_result import CheckResult, disclosable
from safelight.providers.advice.checklist import ChecklistState
from safelight.providers.advice.help_gate import WITHOUT_ADVICE
from safelight.web.translations import Translations

from .checklist_rows import checklist_row

PROMPT_FIELD = "prompt"
_MAX_HIGHLIGHTS = 24
_MAX_QUOTE_CHARS = 60

# Splits a text at the character ranges that findings refer to, to highlight them.


@dataclass(frozen=True, kw_only=True)
class TextSegment:
    text: str
    highlighted: bool


def split_highlights(text: str, spans: Iterable[tuple[int, int]]) -> tuple[TextSegment, ...]:
    """Split the text at the spans (end exclusive). Overlapping spans are merged; spans are clipped to the
    text.
    """
    merged: list[list[int]] = []
    for start, end in sorted((max(0, start), min(len(text), end)) for start, end in spans):
        if end <= start:
            continue
        if merged and start < merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    segments: list[TextSegment] = []
    position = 0
    for start, end in merged:
        if start > position:
            segments.append(TextSegment(text=text[position:start], highlighted=False))
        segments.append(TextSegment(text=text[start:end], highlighted=True))
        position = end
    if position < len(text):
        segments.append(TextSegment(text=text[position:], highlighted=False))
    return tuple(segments)


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
    #: What to write instead, if there is advice on these words.
    suggestion: str = ""


@dataclass(frozen=True, kw_only=True)
class PromptSegment:
    text: str
    highlight_id: int = 0
    tone: str = ""


@dataclass(frozen=True, kw_only=True)
class _Mark:
    tone: str
    reason: str
    in_english: bool = False


@dataclass
class _Marks:
    """The marks of a prompt by character range. The first mark of a range stays."""

    prompt: str
    found: dict[tuple[int, int], _Mark] = field(default_factory=dict)

    def add(self, spans: Iterable[object], mark: _Mark) -> None:
        for span in prompt_spans(spans, self.prompt):
            self.found.setdefault(span, mark)

    def overlapping(self, start: int, end: int) -> list[tuple[int, int]]:
        return [(first, last) for first, last in self.found if first < end and start < last]


def find_highlights(
    result: CheckResult, prompt: str, taxonomy: Taxonomy, t: Translations, *, with_providers: bool
) -> tuple[PromptHighlight, ...]:
    """The highlights of the prompt, without overlaps. `with_providers`: also what a provider may refuse.

    Findings that decide the verdict come first, then what a provider may refuse, then other findings and the
    points of the checklist.
    """
    marks = _Marks(prompt)
    findings = [finding for judged in result.stages for finding in judged.findings]
    deciding = {_key(finding) for finding in result.deciding.verdict.findings}
    shown = disclosable(findings, taxonomy)
    if result.action is not Action.ALLOW:
        for finding in shown:
            if _key(finding) in deciding:
                marks.add(finding.evidence, _finding_mark(result.action.value, finding, t))
    conditions = [one.when for one in result.advice.matching if one.when] if result.advice else []
    for finding in shown if with_providers else ():
        if any(when.matches(finding) for when in conditions):
            marks.add(finding.evidence, _finding_mark("provider", finding, t))
    for driver in result.prompt_advice.as_wire(t.tag)["drivers"]:
        if with_providers and not driver["excluded"]:
            spans = [TextSpan(**span) for span in driver["spans"]]
            marks.add(spans, _Mark(tone="provider", reason=driver["reason"]))
    # On a scene of harm, the words that did not decide would show how to write it in other words.
    for finding in shown if result.prompt_advice.refusal not in WITHOUT_ADVICE else ():
        marks.add(finding.evidence, _finding_mark("none", finding, t))
    suggestions = _find_suggestions(result, marks, t)
    return tuple(_number(marks, suggestions, t))


def split_prompt(prompt: str, highlights: tuple[PromptHighlight, ...]) -> tuple[PromptSegment, ...]:
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


def prompt_spans(evidence: Iterable[object], prompt: str) -> Iterator[tuple[int, int]]:
    """The character ranges of the prompt among the evidence."""
    for part in evidence:
        if isinstance(part, TextSpan) and part.field == PROMPT_FIELD and part.start < part.end <= len(prompt):
            yield part.start, part.end


def _finding_mark(tone: str, finding: Finding, t: Translations) -> _Mark:
    reason, in_english = t.translate_finding(finding.reason)
    return _Mark(tone=tone, reason=reason, in_english=in_english)


def _find_suggestions(result: CheckResult, marks: _Marks, t: Translations) -> dict[tuple[int, int], str]:
    """What to write instead, by range: a replacement of these words, else the advice of the checklist.

    Adds marks for points of the checklist whose words have none.
    """
    found: dict[tuple[int, int], str] = {}
    wire = result.prompt_advice.as_wire(t.tag)["suggestions"]
    for suggestion, texts in zip(result.prompt_advice.suggestions, wire, strict=True):
        if len(suggestion.edits) == 1:
            edit = suggestion.edits[0]
            found.setdefault((edit.start, edit.end), texts["text"])
    for item in result.checklist:
        if item.state not in {ChecklistState.LOOK, ChecklistState.PROBLEM}:
            continue
        row = checklist_row(item, t)
        for start, end in prompt_spans(item.spans, marks.prompt):
            overlapping = marks.overlapping(start, end)
            for span in overlapping if not row.in_english else ():
                found.setdefault(span, row.text)
            if not overlapping:
                marks.found[start, end] = _Mark(
                    tone="none", reason=row.text or row.name, in_english=row.in_english
                )
    return found


def _number(
    marks: _Marks, suggestions: dict[tuple[int, int], str], t: Translations
) -> Iterator[PromptHighlight]:
    used: list[tuple[int, int]] = []
    for (start, end), mark in list(marks.found.items())[:_MAX_HIGHLIGHTS]:
        if any(start < last and first < end for first, last in used):
            continue
        used.append((start, end))
        text = marks.prompt[start:end]
        yield PromptHighlight(
            id=len(used),
            start=start,
            end=end,
            tone=mark.tone,
            effect=t(f"check.effect.{'note' if mark.tone == 'none' else mark.tone}"),
            text=text if len(text) <= _MAX_QUOTE_CHARS else f"{text[: _MAX_QUOTE_CHARS - 1]}…",
            reason=mark.reason,
            in_english=mark.in_english,
            suggestion=suggestions.get((start, end), ""),
        )


def _key(finding: Finding) -> tuple[object, ...]:
    return finding.category, finding.modality, finding.detector, finding.score
