"""Suggestions for the whole prompt: several changes at once, those that lower the risk most first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from .driver_tables import DriverKind, Slot
from .drivers import FINDING_KINDS, MIN_STACKED, PROMPT, STACKED_KINDS, Driver, find_drivers
from .scene_changes import RAILING
from .suggestion import Suggestion
from .text_edit import TextEdit, apply_edits

MAX_WHOLE = 3
#: Weights of the drivers that are left, for the order only: the sources call the first two high risk.
_WEIGHTS = {DriverKind.HIGH_RISK_WORD: 3, DriverKind.SCENARIO: 3, DriverKind.STACKING: 2}
#: Conditions that no person is injured.
_UNHURT = frozenset({"no_fall", "gentle_contact"})


def combine(
    prompt: str, replacements: Sequence[Suggestion], others: Sequence[Suggestion], drivers: Sequence[Driver]
) -> list[Suggestion]:
    """At most `MAX_WHOLE` combinations of changes: the words that weigh most, all words, and everything.

    The one that leaves the least risk comes first, and among equal ones the one with the fewest changes.
    """
    firsts = find_firsts(replacements)
    found: dict[str, tuple[int, int, Suggestion]] = {}
    if any(Slot.PLACE in one.slots for one in firsts):
        # Another place, such as an observation deck, usually has a railing.
        others = [one for one in others if one.message != RAILING]
    for message, members in (
        ("together", firsts),
        ("strongest", _strongest(firsts, drivers)),
        ("everything", [*firsts, *others]),
    ):
        members = keep_compatible(members)
        if len(members) < 2:
            continue
        edits = [edit for one in members for edit in one.edits]
        rewritten, _diff = apply_edits(prompt, edits)
        weight = weigh(find_left(rewritten, edits, drivers))
        found.setdefault(rewritten, (weight, len(edits), merge(message, members)))
    return [one for *_, one in sorted(found.values(), key=lambda each: each[:2])][:MAX_WHOLE]


def find_left(rewritten: str, edits: Iterable[TextEdit], drivers: Iterable[Driver]) -> tuple[Driver, ...]:
    """The drivers that a changed prompt still has: by the tables, and of findings that no edit touches."""
    places = [(edit.start, edit.end) for edit in edits]
    kept = (
        one
        for one in drivers
        if one.row in FINDING_KINDS
        and any(
            span.field == PROMPT and not any(span.start < end and start < span.end for start, end in places)
            for span in one.spans
        )
    )
    return (*(one for one in find_drivers({PROMPT: rewritten}, ()) if not one.excluded), *kept)


def weigh(drivers: Iterable[Driver]) -> int:
    """The weight of drivers, by which suggestions are ordered."""
    return sum(_WEIGHTS.get(one.kind, 1) for one in drivers)


def keep_compatible(members: Sequence[Suggestion]) -> list[Suggestion]:
    """Without those for scenes without an injury, if another is for an injury that is not real."""
    staged = any("staged" in one.conditions for one in members)
    return [one for one in members if not (staged and _UNHURT.intersection(one.conditions))]


def find_firsts(replacements: Iterable[Suggestion]) -> list[Suggestion]:
    """The first replacement of each driver, unless a source warns of it."""
    firsts: dict[tuple[int, int], Suggestion] = {}
    for one in replacements:
        if not one.contradictions:
            firsts.setdefault((one.edits[0].start, one.edits[0].end), one)
    return list(firsts.values())


def _strongest(firsts: Sequence[Suggestion], drivers: Sequence[Driver]) -> list[Suggestion]:
    """The replacements of high-risk words. Without any, as few as leave no stacked words."""
    by_span = {
        (span.start, span.end): driver
        for driver in drivers
        for span in driver.spans
        if span.field == PROMPT and driver.alternatives
    }
    high, stacked = [], []
    for one in firsts:
        driver = by_span[one.edits[0].start, one.edits[0].end]
        if driver.kind is DriverKind.HIGH_RISK_WORD:
            high.append(one)
        elif driver.kind in STACKED_KINDS:
            stacked.append(one)
    return high or stacked[: max(len(_stacked_rows(drivers)) - MIN_STACKED + 1, 0)]


def _stacked_rows(drivers: Iterable[Driver]) -> frozenset[str]:
    return frozenset(one.row for one in drivers if one.kind in STACKED_KINDS and not one.excluded)


def merge(message: str, members: Sequence[Suggestion]) -> Suggestion:
    """One suggestion with the changes and conditions of all members."""

    def union(values: Iterator[tuple[str, ...]]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one for each in values for one in each))

    return replace(
        members[0],
        message=message,
        values={},
        conditions=union(one.conditions for one in members),
        sources=tuple(dict.fromkeys(source for one in members for source in one.sources)),
        slots=frozenset().union(*(one.slots for one in members)),
        stated=frozenset().union(*(one.stated for one in members)),
        edits=tuple(edit for one in members for edit in one.edits),
        contradictions=(),
    )
