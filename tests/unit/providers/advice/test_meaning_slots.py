from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.providers.advice import driver_tables
from safelight.providers.advice.advice_data import read_rows
from safelight.providers.advice.driver_tables import Slot
from safelight.providers.advice.meaning_slots import FIXED, find_slot_changes, find_slots, keeps_meaning
from safelight.providers.advice.text_edit import DiffPart, TextEdit, apply_edits
from support.rows import each_row

EVERY_SLOT = frozenset(Slot)
WHO = ("a young Korean woman", "two old men", "three children", "a blind dancer", "a 35-year-old nurse")
PLACES = ("in the library", "on a beach", "in Paris", "at the station")
ENDS = ("", ", a sign says “Open”", ", warm light", " in the morning")
WORDS = sorted(
    (row["form"], alternative, row["row"])
    for row in read_rows("words.en")
    for alternative in row["alternatives"].split("|")
    if alternative and row["row"] != driver_tables.ORDINARY
)


def replaced(text: str, old: str, new: str) -> tuple[DiffPart, ...]:
    start = text.index(old)
    return apply_edits(text, [TextEdit(start=start, end=start + len(old), text=new)])[1]


@each_row
def test_slots_are_read_in_three_scripts(text: str, expected: dict[str, set[str]]) -> None:
    found: dict[str, set[str]] = {}
    for one in find_slots(text):
        for slot in one.slots:
            found.setdefault(slot.value, set()).add(one.value)
    assert {name: found.get(name) for name in expected} == expected


@each_row
def test_who_number_age_identity_and_visible_text_never_change(
    text: str, old: str, new: str, slot: Slot
) -> None:
    diff = replaced(text, old, new)
    assert any(slot in one.slots for one in find_slot_changes(diff))
    assert not keeps_meaning(diff, EVERY_SLOT)


def test_a_slot_of_no_replaced_driver_does_not_change() -> None:
    diff = replaced("a chef on a rooftop at night", "rooftop at night", "beach at night")
    assert keeps_meaning(diff, {Slot.PLACE})
    assert not keeps_meaning(diff, {Slot.TIME})
    both = replaced("a chef on a rooftop at night", "rooftop at night", "beach at noon")
    assert not keeps_meaning(both, {Slot.PLACE})
    assert keeps_meaning(both, {Slot.PLACE, Slot.TIME})


def test_a_change_is_found_in_a_long_text() -> None:
    text = "a quiet street, warm light, " * 2_000 + "a boy waits, " + "a quiet street, " * 2_000
    assert not keeps_meaning(replaced(text, "boy", "man"), EVERY_SLOT)


@pytest.mark.parametrize("text", ["1" * 200_000, "一" * 200_000, "百" * 200_000 + "歲", "\n" * 50_000])
def test_a_long_row_of_digits_takes_no_quadratic_time(text: str) -> None:
    # In quadratic time, this would take hours.
    assert all(one.start < one.end for one in find_slots(text))


@each_row
def test_an_age_in_chinese_is_read(text: str, age: str) -> None:
    assert [one.value for one in find_slots(text) if Slot.AGE in one.slots] == [age]


@pytest.mark.parametrize("name", ["words.en", "words.zh"])
def test_every_replacement_of_the_tables_changes_only_the_slot_of_its_row(name: str) -> None:
    rows = driver_tables.word_rows()
    pairs = {"form": "alternatives"}
    if name == "words.zh":
        pairs = {tag: f"{tag} alternatives" for tag in ("zh-Hant", "zh-Hans")}
    for row in read_rows(name):
        for form, column in pairs.items():
            for alternative in filter(None, row[column].split("|")):
                if row["row"] != driver_tables.ORDINARY:
                    diff = replaced(row[form], row[form], alternative)
                    assert keeps_meaning(diff, {rows[row["row"]].slot}), (row[form], alternative)


@given(st.sampled_from(WHO), st.sampled_from(WORDS), st.sampled_from(PLACES), st.sampled_from(ENDS))
def test_a_replacement_keeps_every_other_slot_of_any_sentence(
    who: str, word: tuple[str, str, str], place: str, end: str
) -> None:
    form, alternative, row = word
    text = f"{who} / {form} / {place}{end}"
    diff = replaced(text, f"/ {form} /", f"/ {alternative} /")
    assert keeps_meaning(diff, {driver_tables.word_rows()[row].slot})


@given(st.text(max_size=80), st.text(max_size=20), st.text(max_size=80), st.text(max_size=20))
def test_any_text_is_read_and_no_change_keeps_the_meaning(
    before: str, old: str, after: str, new: str
) -> None:
    text = before + old + after
    edit = TextEdit(start=len(before), end=len(before) + len(old), text=new)
    _rewritten, diff = apply_edits(text, [edit])
    assert find_slot_changes(apply_edits(text, ())[1]) == ()
    changed_slots = {slot for one in find_slot_changes(diff) for slot in one.slots}
    if changed_slots & FIXED:
        assert not keeps_meaning(diff, EVERY_SLOT)
