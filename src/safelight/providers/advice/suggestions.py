"""Suggestions: what to write instead. For innocent prompts only; `help_gate` decides who gets them.

A suggestion replaces words outside names, quotations and findings, and changes only what these words state
(see `meaning_slots`). It never adds an age, a person's identity or an invented purpose, and never describes a
protected person, character or style in other words. Advice without a replacement states what the writer can
decide.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from . import driver_tables
from .age_cues import names_young_person
from .driver_tables import DriverKind, Slot, WordRow
from .drivers import PROMPT, Driver, find_contradictions
from .exclusions import exclusion_of, find_exclusions, removal
from .harm_scenes import acts_on_being
from .meaning_slots import keeps_meaning
from .omissions import EstimateRisks, find_changes_by_outcomes, find_simplifications
from .prompt_details import find_details
from .protected_spans import Span
from .scene_changes import FRAMING, StatedFacts, find_scene_changes
from .suggestion import Suggestion
from .text_edit import TextEdit, apply_edits
from .whole_prompt import combine, find_firsts, find_left, weigh
from .word_position import OWN_OBJECT, fits, fits_object, has_determiner

#: Most suggestions of one request. The first ones change most.
MAX_SUGGESTIONS = 20
#: Characters of the rewrites of one kind that are compared with the prompt: a long prompt has fewer of them.
_MAX_COMPARED = 100_000
#: Suggestions of which the first one is chosen: weighing one of them reads the whole prompt.
_MAX_WEIGHED = 5
#: Advice on a word of which no replacement fits, and whose row has none.
_ADVICE_WITHOUT_REPLACEMENT = "leave_out"
_ARTICLE = re.compile(r"an? ")
#: A sentence states an injury, or who causes one.
_STATED_INJURY = re.compile(
    r"\b(?:hurt|beaten|beat up|hit|kicked|punched|slapped|struck|shot|stabbed|pushed|thrown"
    r"|attacked|abused|harmed) by\b"
    r"|\b(?:injur(?:y|ies|ed)|wounded|bleeds?|bleeding|bled|killed)\b"
    r"|受[傷伤]|流血|被[^，。！？；,.!?;\n]{0,6}[殺杀打踢推傷伤]",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^.!?。！？\n]*")
#: Rows whose replacements would hide an injury that the sentence states.
_HIDES_INJURY = frozenset({"fall", "crash", "jump", "alone", "despair"})
#: What can only be seen at night, so that its rows of time are no subject of advice.
_ONLY_AT_NIGHT = re.compile(
    r"\b(?:stars|starry|starlit|meteors?|milky way|moon\w*|fireworks?|northern lights|aurora)\b"
    r"|星空|流星|銀河|银河|月[亮光]|滿月|满月|煙火|烟火|煙花|烟花|極光|极光",
    re.IGNORECASE,
)
_DARKNESS = "darkness"
#: The row whose verbs mean something else with other objects: "shoots" with a bow is no work on a film.
_ONLY_WITH_OBJECTS = "film"
#: Rows whose advice is for words without a replacement.
_ADVICE_INSTEAD = frozenset({"film", "medicine", "cut", "crash"})
#: Advice on drivers that no row of the word table describes.
_ADVICE_BY_KIND = {
    DriverKind.NAME: "own_design",
    DriverKind.BRAND: "brand",
    DriverKind.SCENARIO: "scene",
    DriverKind.REFERENCE: "reference",
}


def suggest(
    prompt: str,
    drivers: Sequence[Driver],
    facts: StatedFacts | None = None,
    *,
    protected: Sequence[Span] = (),
    estimate: EstimateRisks | None = None,
) -> tuple[Suggestion, ...]:
    """The suggestions on a prompt: those that can be applied first, numbered from 1, then advice. Pure.

    The first one leaves the least that filters may react to. Then come the purpose, changes of the whole
    prompt, and replacements; terms that a source warns of are last among these. `protected`: character ranges
    that no suggestion changes. `estimate`: by own outcomes, after a block by the provider. What it
    favours comes before the changes of the tables.
    """
    facts = facts or StatedFacts()
    if _ONLY_AT_NIGHT.search(prompt):
        drivers = [one for one in drivers if one.reason != _DARKNESS]
    replacements = list(_kept(prompt, find_replacements(prompt, drivers, protected)))
    others, exclusions = (
        [one for one in _kept(prompt, each) if not _touches(one, protected)]
        for each in (find_scene_changes(prompt, drivers, facts), _exclusions(prompt, drivers))
    )
    whole = list(_kept(prompt, combine(prompt, replacements, others, drivers)))
    outcomes: list[Suggestion] = []
    simpler: list[Suggestion] = []
    if estimate is not None:
        details = find_details(prompt, drivers, protected)
        firsts = find_firsts(replacements)
        outcomes = list(_kept(prompt, find_changes_by_outcomes(prompt, details, firsts, estimate)))
        simpler = list(_kept(prompt, find_simplifications(prompt, details, firsts)))
    replacements.sort(key=lambda one: bool(one.contradictions))
    framing = [one for one in others if one.message == FRAMING]
    changes = [one for one in others if one.message != FRAMING]
    tables = [*whole[1:], *replacements, *changes, *exclusions]
    kept = [*framing, *outcomes, *whole[:1], *tables, *simpler][:MAX_SUGGESTIONS]
    if not outcomes:
        kept = _best_first(prompt, kept, drivers)
    done = [replace(one, number=number) for number, one in enumerate(kept, 1)]
    changed = {
        driver.row for driver in drivers for one in replacements if one.values["words"] in driver.words
    }
    advice = list(_advice(drivers, changed, facts))
    return (*done, *advice[: MAX_SUGGESTIONS - len(done)])


def _best_first(
    prompt: str, suggestions: Sequence[Suggestion], drivers: Sequence[Driver]
) -> list[Suggestion]:
    """The suggestion that leaves the least first; among equal ones, one with the fewest changes.

    The order stays if none leaves less than the prompt has.
    """
    left = [find_left(one.rewritten, one.edits, drivers) for one in suggestions[:_MAX_WEIGHED]]
    if not left or min(map(weigh, left)) >= weigh(find_left(prompt, (), drivers)):
        return list(suggestions)
    best = min(
        range(len(left)),
        key=lambda at: (weigh(left[at]), bool(suggestions[at].contradictions), len(suggestions[at].edits)),
    )
    others = [one for at, one in enumerate(suggestions) if at != best]
    return [replace(suggestions[best], drivers_left=len(left[best])), *others]


def _overlaps(start: int, end: int, protected: Sequence[Span]) -> bool:
    return any(start < last and first < end for first, last in protected)


def _touches(suggestion: Suggestion, protected: Sequence[Span]) -> bool:
    return any(_overlaps(edit.start, edit.end, protected) for edit in suggestion.edits)


def find_replacements(
    prompt: str, drivers: Sequence[Driver], protected: Sequence[Span]
) -> Iterator[Suggestion]:
    """The replacements of single words and phrases. Whether each keeps the meaning is not checked yet."""
    rows = driver_tables.word_rows()
    injured = [one.span() for one in _SENTENCE.finditer(prompt) if _STATED_INJURY.search(one.group())]
    with_child = names_young_person(prompt)
    for driver in drivers:
        if with_child and driver.row in rows and rows[driver.row].not_with_child:
            continue
        spans = [
            span
            for span in driver.spans
            if span.field == PROMPT
            and not _overlaps(span.start, span.end, protected)
            and fits(driver.position, prompt, span.start, span.end)
            and not (driver.row in _HIDES_INJURY and _overlaps(span.start, span.end, injured))
            and not (driver.row in rows and _is_act_on_being(rows[driver.row], prompt, span.start, span.end))
        ]
        if driver.excluded:
            continue
        for alternative, objects in zip(driver.alternatives, driver.objects, strict=True):
            fitting = [
                one for one in spans if fits_object(objects, driver.position, prompt, one.start, one.end)
            ]
            if not fitting:
                continue
            if _ARTICLE.match(alternative) and any(has_determiner(prompt, one.start) for one in fitting):
                continue
            yield Suggestion(
                number=0,
                message="replace",
                values={"words": prompt[fitting[0].start : fitting[0].end], "alternative": alternative},
                conditions=(rows[driver.row].condition,),
                sources=driver.sources,
                slots=frozenset({rows[driver.row].slot}),
                edits=tuple(TextEdit(start=one.start, end=one.end, text=alternative) for one in fitting),
                contradictions=find_contradictions(alternative),
            )


def _is_act_on_being(row: WordRow, prompt: str, start: int, end: int) -> bool:
    """Whether the words are a verb whose object is a person, an animal or a crowd: it is never reworded."""
    return row.slot is Slot.ACTION and acts_on_being(prompt, start, end)


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


def _kept(prompt: str, suggestions: Iterable[Suggestion]) -> Iterator[Suggestion]:
    """The suggestions that change nothing but what they name, with the prompt after the change."""
    for one in islice(suggestions, _MAX_COMPARED // (len(prompt) + 1) + 1):
        rewritten, diff = apply_edits(prompt, one.edits)
        if keeps_meaning(diff, one.slots, stated=one.stated):
            yield replace(one, rewritten=rewritten, diff=diff)


def _advice(drivers: Sequence[Driver], changed: Collection[str], facts: StatedFacts) -> Iterator[Suggestion]:
    """Advice without a replacement. `changed`: the rows for which there is a replacement."""
    rows = driver_tables.word_rows()
    found: dict[str, list[Driver]] = {}
    present = {driver.row for driver in drivers}
    for driver in drivers:
        row = rows.get(driver.row)
        if row and (row.gives_way in present or (driver.row in changed and driver.row in _ADVICE_INSTEAD)):
            continue
        name = row.advice if row else _ADVICE_BY_KIND.get(driver.kind, "")
        if row and driver.row not in changed:
            is_own = not driver.objects or any(OWN_OBJECT in fitting for fitting in driver.objects)
            if driver.row == _ONLY_WITH_OBJECTS and not is_own:
                continue
            if not name and not driver.excluded:
                name = _ADVICE_WITHOUT_REPLACEMENT
        if name and not (facts.purpose and name == "purpose"):
            if driver.kind in (DriverKind.SCENARIO, DriverKind.REFERENCE):
                name = f"{name}_{driver.row}"
            found.setdefault(name, []).append(driver)
    if facts.shows_face:
        found["faceless"] = []
    if facts.asks_age:
        found["age"] = []
    for name, members in found.items():
        yield Suggestion(
            number=0,
            message=name,
            values={"words": " / ".join(dict.fromkeys(word for one in members for word in one.words))},
            conditions=(),
            sources=tuple(dict.fromkeys(source for one in members for source in one.sources)),
        )
