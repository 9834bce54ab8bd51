"""Suggestions: what to write instead. For innocent prompts only; `help_gate` decides who gets them.

A suggestion replaces words outside names, quotations and findings, and changes only what these words state
(see `meaning_slots`). It never adds an age, a person's identity or an invented purpose, and never describes a
protected person, character or style in other words. Advice without a replacement states what the writer can
decide.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from safelight.i18n import Messages, load_messages

from . import driver_tables
from .driver_tables import AdviceSource, Contradiction, DriverKind, Slot
from .drivers import PROMPT, Driver, find_contradictions
from .exclusions import exclusion_of, find_exclusions, removal
from .meaning_slots import keeps_meaning
from .text_edit import DiffPart, TextEdit, apply_edits
from .word_position import fits, has_determiner

#: Most suggestions of one request. The first ones change most.
MAX_SUGGESTIONS = 20
#: Advice on a word of which no replacement fits.
_ADVICE_WITHOUT_REPLACEMENT = "show"
#: Adds the user's own words and changes nothing.
_FRAMING = "purpose_given"
_ARTICLE = re.compile(r"an? ")
#: Advice on drivers that no row of the word table describes.
_ADVICE_BY_KIND = {
    DriverKind.NAME: "own_design",
    DriverKind.BRAND: "brand",
    DriverKind.SCENARIO: "scene",
    DriverKind.REFERENCE: "reference",
}


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """One change of the prompt, or advice without a replacement (`edits` is empty)."""

    #: Number for `--apply`, from 1; 0 for advice without a replacement.
    number: int
    #: Key of the message.
    message: str
    values: Mapping[str, str]
    #: Keys of the conditions under which the suggestion is true.
    conditions: tuple[str, ...]
    sources: tuple[AdviceSource, ...]
    edits: tuple[TextEdit, ...] = ()
    #: What the replaced words state. Nothing else may change.
    slots: frozenset[Slot] = frozenset()
    #: The prompt after the change, and the diff.
    rewritten: str = ""
    diff: tuple[DiffPart, ...] = ()
    contradictions: tuple[Contradiction, ...] = ()

    def as_wire(self, messages: Messages) -> dict[str, Any]:
        return {
            "number": self.number or None,
            "text": messages(f"suggestion.{self.message}", **self.values),
            "condition": self._condition(messages),
            "changes": sorted(self.slots),
            "rewritten": self.rewritten or None,
            "diff": [part.as_wire() for part in self.diff],
            "contradictions": [contradiction_wire(one, messages) for one in self.contradictions],
            "sources": [source.as_wire(messages) for source in self.sources],
        }

    def _condition(self, messages: Messages) -> str | None:
        sentences = [messages(f"condition.{name}") for name in self.conditions]
        return load_messages("explanations", messages.tag)("join").join(sentences) or None


def contradiction_wire(found: Contradiction, messages: Messages) -> dict[str, Any]:
    return {
        "term": found.term,
        "text": messages(f"contradiction.{found.term}"),
        "recommended_by": found.recommended_by.as_wire(messages),
        "warned_by": found.warned_by.as_wire(messages),
    }


def suggest(
    prompt: str,
    drivers: Sequence[Driver],
    *,
    purpose: str = "",
    protected: Sequence[tuple[int, int]] = (),
) -> tuple[Suggestion, ...]:
    """The suggestions on a prompt: those that can be applied first, numbered from 1, then advice. Pure.

    Terms that a source warns of come last among the replacements. `purpose`: the user's own answer to what
    the video is for. `protected`: character ranges that no suggestion changes.
    """
    replacements = list(_replacements(prompt, drivers, protected))
    together = _together(replacements)
    exclusions = [
        one
        for one in _exclusions(prompt, drivers)
        if not _overlaps(one.edits[0].start, one.edits[0].end, protected)
    ]
    framing = list(_framing(prompt, purpose))
    replacements.sort(key=lambda one: bool(one.contradictions))
    kept = list(_kept(prompt, [*framing, *together, *replacements, *exclusions]))[:MAX_SUGGESTIONS]
    done = [replace(one, number=number) for number, one in enumerate(kept, 1)]
    changed = {
        driver.row for driver in drivers for one in replacements if one.values["words"] in driver.words
    }
    advice = list(_advice(drivers, changed, asked_purpose=bool(purpose)))
    return (*done, *advice[: MAX_SUGGESTIONS - len(done)])


def _overlaps(start: int, end: int, protected: Sequence[tuple[int, int]]) -> bool:
    return any(start < last and first < end for first, last in protected)


def _replacements(
    prompt: str, drivers: Sequence[Driver], protected: Sequence[tuple[int, int]]
) -> Iterator[Suggestion]:
    rows = driver_tables.word_rows()
    for driver in drivers:
        spans = [
            span
            for span in driver.spans
            if span.field == PROMPT
            and not _overlaps(span.start, span.end, protected)
            and fits(driver.position, prompt, span.start, span.end)
        ]
        if driver.excluded or not spans:
            continue
        for alternative in driver.alternatives:
            if _ARTICLE.match(alternative) and any(has_determiner(prompt, one.start) for one in spans):
                continue
            yield Suggestion(
                number=0,
                message="replace",
                values={"words": prompt[spans[0].start : spans[0].end], "alternative": alternative},
                conditions=(rows[driver.row].condition,),
                sources=driver.sources,
                slots=frozenset({rows[driver.row].slot}),
                edits=tuple(TextEdit(start=one.start, end=one.end, text=alternative) for one in spans),
                contradictions=find_contradictions(alternative),
            )


def _together(replacements: Sequence[Suggestion]) -> list[Suggestion]:
    """The first replacement of each driver, applied together."""
    firsts: dict[tuple[int, int], Suggestion] = {}
    for one in replacements:
        if not one.contradictions:
            firsts.setdefault((one.edits[0].start, one.edits[0].end), one)
    if len(firsts) < 2:
        return []
    return [
        Suggestion(
            number=0,
            message="together",
            values={},
            conditions=tuple(dict.fromkeys(name for one in firsts.values() for name in one.conditions)),
            sources=tuple(dict.fromkeys(source for one in firsts.values() for source in one.sources)),
            slots=frozenset().union(*(one.slots for one in firsts.values())),
            edits=tuple(edit for one in firsts.values() for edit in one.edits),
        )
    ]


def _exclusions(prompt: str, drivers: Sequence[Driver]) -> Iterator[Suggestion]:
    """Leaving out what the prompt excludes, because a filter may read the word and not the "no"."""
    exclusions, rows = find_exclusions(prompt), driver_tables.word_rows()
    seen = set()
    for driver in drivers:
        if driver.row not in rows:
            continue
        span = next((span for span in driver.spans if span.field == PROMPT), None)
        found = exclusion_of(exclusions, span.start, span.end) if span and driver.excluded else None
        if found is None or found in seen:
            continue
        seen.add(found)
        edit = removal(prompt, found)
        if edit is None:
            continue
        yield Suggestion(
            number=0,
            message="leave_out_exclusion",
            values={"words": prompt[found.start : found.end]},
            conditions=("exclusion",),
            sources=driver.sources,
            slots=frozenset({rows[driver.row].slot}),
            edits=(edit,),
        )


def _framing(prompt: str, purpose: str) -> Iterator[Suggestion]:
    """The user's own purpose, in the user's own words, after the prompt."""
    words = " ".join(purpose.split())
    if words and words.casefold() not in prompt.casefold():
        chinese = any("\u3400" <= letter <= "\u9fff" for letter in words)
        text = f"（用途：{words}）" if chinese else f" (purpose: {words})"
        yield Suggestion(
            number=0,
            message=_FRAMING,
            values={"purpose": words},
            conditions=("true_purpose",),
            sources=(),
            edits=(TextEdit(start=len(prompt.rstrip()), end=len(prompt.rstrip()), text=text),),
        )


def _kept(prompt: str, suggestions: Iterable[Suggestion]) -> Iterator[Suggestion]:
    """The suggestions that change nothing but what they name, with the prompt after the change."""
    for one in suggestions:
        rewritten, diff = apply_edits(prompt, one.edits)
        if one.message == _FRAMING or keeps_meaning(diff, one.slots):
            yield replace(one, rewritten=rewritten, diff=diff)


def _advice(
    drivers: Sequence[Driver], changed: Collection[str], *, asked_purpose: bool
) -> Iterator[Suggestion]:
    """Advice without a replacement. `changed`: the rows for which there is a replacement."""
    rows = driver_tables.word_rows()
    found: dict[str, list[Driver]] = {}
    for driver in drivers:
        row = rows.get(driver.row)
        name = row.advice if row else _ADVICE_BY_KIND.get(driver.kind, "")
        if row and not name and not driver.excluded and driver.row not in changed:
            name = _ADVICE_WITHOUT_REPLACEMENT
        if name and not (asked_purpose and name == "purpose"):
            if driver.kind in (DriverKind.SCENARIO, DriverKind.REFERENCE):
                name = f"{name}_{driver.row}"
            found.setdefault(name, []).append(driver)
    for name, members in found.items():
        yield Suggestion(
            number=0,
            message=name,
            values={},
            conditions=(),
            sources=tuple(dict.fromkeys(source for one in members for source in one.sources)),
        )
