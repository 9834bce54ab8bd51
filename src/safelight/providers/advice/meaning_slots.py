"""Slots of a text: who, how many, age and so on, and what a rewrite changes in them. Pure.

The slots are read from word tables in English and both Chinese scripts, from numbers, ages, names and
quotations. A word that no table has belongs to no slot.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from . import driver_tables
from .advice_data import read_rows
from .driver_tables import Slot
from .form_table import FormTable
from .protected_spans import Span, find_names, find_quotations
from .text_edit import DiffPart

#: Characters before and after a change that are compared: longer than the longest form of the tables.
_CONTEXT = 80
_SEPARATOR = "\n"
_CHINESE_COLUMNS = {name: f"{name} alternatives" for name in driver_tables.LANGUAGES[1:]}
# Bounded, and not in the middle of a longer number: a long row of digits would take quadratic time.
_NUMBER = re.compile(
    r"\d+(?:[.,]\d+)*"
    r"|(?<![一二兩两三四五六七八九十百千])[一二兩两三四五六七八九十百千]{1,8}(?=[個个位名隻只條条匹頭头群對对雙双])"
)
_AGE = re.compile(
    r"\b(?:\d{1,3}|[a-z]+)[\s-](?:years?|yrs?|months?)[\s-]olds?\b|\b(?:aged|age of)\s+\w+"
    r"|\bin (?:his|her|their) (?:early |mid |late )?\w+(?:ties|teens)\b"
    r"|(?<![\d一二兩两三四五六七八九十百])[\d一二兩两三四五六七八九十百]{1,8}[幾几多來来]?\s?[歲岁]",
    re.IGNORECASE,
)


#: Slots that no rewrite may change.
FIXED = frozenset({Slot.WHO, Slot.HOW_MANY, Slot.AGE, Slot.IDENTITY, Slot.TEXT})


@dataclass(frozen=True, kw_only=True)
class SlotValue:
    """A value at characters `start` to `end` (exclusive). A word can belong to several slots."""

    slots: frozenset[Slot]
    value: str
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class SlotChange:
    """A value that a rewrite loses or adds. `named`: it is part of the words that the rewrite replaces."""

    slots: frozenset[Slot]
    value: str
    lost: bool
    named: bool


def find_slots(text: str) -> tuple[SlotValue, ...]:
    """The values of all slots of a text, from left to right, without overlaps."""
    found: list[SlotValue] = []
    rest = list(text)

    def take(slot: Slot, spans: Iterator[Span]) -> None:
        for start, end in spans:
            value = "".join(rest[start:end]).strip().casefold()
            if value:
                found.append(SlotValue(slots=frozenset({slot}), value=value, start=start, end=end))
                rest[start:end] = " " * (end - start)

    take(Slot.TEXT, find_quotations(text))
    take(Slot.AGE, (hit.span() for hit in _AGE.finditer("".join(rest))))
    take(Slot.IDENTITY, find_names(text))
    for hit in _table().find("".join(rest)):
        found.append(SlotValue(slots=frozenset(hit.values), value=hit.form, start=hit.start, end=hit.end))
        rest[hit.start : hit.end] = " " * (hit.end - hit.start)
    take(Slot.HOW_MANY, (hit.span() for hit in _NUMBER.finditer("".join(rest))))
    return tuple(sorted(found, key=lambda one: one.start))


def find_slot_changes(diff: Sequence[DiffPart]) -> tuple[SlotChange, ...]:
    """What a rewrite loses and adds. Only the text around its changes is read."""
    near = _near_changes(diff)
    before = find_slots("".join(part.text for part in near if part.change != "added"))
    after = find_slots("".join(part.text for part in near if part.change != "removed"))
    removed = tuple(_spans(near, "removed", left_out="added"))
    added = tuple(_spans(near, "added", left_out="removed"))
    return (*_missing(before, after, removed, lost=True), *_missing(after, before, added, lost=False))


def keeps_meaning(
    diff: Sequence[DiffPart], allowed: Collection[Slot], *, stated: Collection[Slot] = ()
) -> bool:
    """Whether a rewrite changes only the replaced words, only in `allowed` slots and never in a fixed one.

    It may add to `stated` slots what the user stated.
    """
    allowed, stated = frozenset(allowed) - FIXED, frozenset(stated)
    return all(
        one.named
        and ((one.slots & allowed and not one.slots & FIXED) or (one.slots <= stated and not one.lost))
        for one in find_slot_changes(diff)
    )


def find_fixed_changes(text: str, other: str) -> frozenset[Slot]:
    """The slots that no rewrite may change and in which two whole texts differ."""
    values = [Counter((one.value, one.slots & FIXED) for one in find_slots(each)) for each in (text, other)]
    changed = (values[0] - values[1]) + (values[1] - values[0])
    return frozenset(slot for _value, slots in changed for slot in slots)


def _missing(
    values: Sequence[SlotValue],
    others: Sequence[SlotValue],
    spans: Sequence[Span],
    *,
    lost: bool,
) -> Iterator[SlotChange]:
    """The values that are not among the others. Those in the changed words are taken first."""
    left = Counter(one.value for one in others)
    ranked = [(_touches(one, spans), one) for one in values]
    for named, one in sorted(ranked, key=lambda each: each[0]):
        if left[one.value]:
            left[one.value] -= 1
        else:
            yield SlotChange(slots=one.slots, value=one.value, lost=lost, named=named)


def _touches(value: SlotValue, spans: Sequence[Span]) -> bool:
    """Whether a value has a character in one of the spans, which are sorted and do not overlap."""
    place = bisect_left(spans, value.start, key=lambda span: span[1])
    while place < len(spans) and spans[place][0] < value.end:
        if value.start < spans[place][1]:
            return True
        place += 1
    return False


def _near_changes(diff: Sequence[DiffPart]) -> tuple[DiffPart, ...]:
    """The diff without the middle of long parts that are the same."""
    return tuple(
        DiffPart(change="same", text=part.text[:_CONTEXT] + _SEPARATOR + part.text[-_CONTEXT:])
        if part.change == "same" and len(part.text) > 2 * _CONTEXT
        else part
        for part in diff
    )


def _spans(parts: Sequence[DiffPart], change: str, *, left_out: str) -> Iterator[Span]:
    position = 0
    for part in parts:
        if part.change == left_out:
            continue
        if part.change == change:
            yield position, position + len(part.text)
        position += len(part.text)


@cache
def _table() -> FormTable[Slot]:
    """The words of each slot.

    A word of a driver, or of its replacement, that the slot table lacks has the slot of its row.
    """
    slots: dict[str, dict[Slot, None]] = {}
    for row in read_rows("slots"):
        for language in driver_tables.LANGUAGES:
            for form in row[language].split("|"):
                slots.setdefault(form, {})[Slot(row["slot"])] = None
    listed = set(slots)
    rows = driver_tables.word_rows()
    for form, name in _driver_words():
        if name in rows and form not in listed:
            slots.setdefault(form, {})[rows[name].slot] = None
    table: FormTable[Slot] = FormTable()
    for form, names in slots.items():
        for name in names:
            table.add(form, name)
    return table


def _driver_words() -> Iterator[tuple[str, str]]:
    """Each form of the word tables, and each replacement, with its row."""
    for name, languages in (("words.en", {"form": "alternatives"}), ("words.zh", _CHINESE_COLUMNS)):
        for row in read_rows(name):
            for form, alternatives in languages.items():
                for one in (row[form], *filter(None, row[alternatives].split("|"))):
                    yield one, row["row"]
