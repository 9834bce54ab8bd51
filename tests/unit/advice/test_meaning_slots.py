from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.advice import driver_tables
from safelight.advice.driver_tables import Slot
from safelight.advice.meaning_slots import FIXED, find_slot_changes, find_slots, keeps_meaning
from safelight.advice.text_edit import DiffPart, TextEdit, apply_edits

EVERY_SLOT = frozenset(Slot)
WHO = ("a young Korean woman", "two old men", "three children", "a blind dancer", "a 35-year-old nurse")
PLACES = ("in the library", "on a beach", "in Paris", "at the station")
ENDS = ("", ", a sign says “Open”", ", warm light", " in the morning")
WORDS = sorted(
    (row["form"], alternative, row["row"])
    for row in driver_tables.read_rows("words.en")
    for alternative in row["alternatives"].split("|")
    if alternative and row["row"] != driver_tables.ORDINARY
)


def replaced(text: str, old: str, new: str) -> tuple[DiffPart, ...]:
    start = text.index(old)
    return apply_edits(text, [TextEdit(start=start, end=start + len(old), text=new)])[1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "A 35-year-old Korean woman and two dogs stand on a rooftop at night, a sign says “No exit”",
            {
                "who": {"woman", "dogs"},
                "how_many": {"two"},
                "age": {"35-year-old"},
                "identity": {"korean"},
                "place": {"rooftop"},
                "time": {"at night"},
                "text": {"“no exit”"},
            },
        ),
        (
            "兩個老人獨自站在夜晚的樓頂上，三十五歲，招牌寫著「出口」",
            {
                "who": {"人"},
                "how_many": {"兩"},
                "age": {"老", "三十五歲"},
                "place": {"樓頂"},
                "time": {"夜晚"},
                "mood": {"獨自"},
                "text": {"「出口」"},
            },
        ),
        (
            "两只狗和一位护士在楼顶上，夜晚，招牌写着「出口」",
            {
                "who": {"狗", "护士"},
                "how_many": {"两", "一"},
                "place": {"楼顶"},
                "time": {"夜晚"},
                "text": {"「出口」"},
            },
        ),
    ],
)
def test_slots_are_read_in_three_scripts(text: str, expected: dict[str, set[str]]) -> None:
    found: dict[str, set[str]] = {}
    for one in find_slots(text):
        for slot in one.slots:
            found.setdefault(slot.value, set()).add(one.value)
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("text", "old", "new", "slot"),
    [
        ("a boy alone on a rooftop", "boy", "man", Slot.WHO),
        ("a man alone on a rooftop", "a man", "men", Slot.WHO),
        ("two dogs fight", "two", "three", Slot.HOW_MANY),
        ("12 dogs fight", "12", "2", Slot.HOW_MANY),
        ("a young woman cries", "young ", "", Slot.AGE),
        ("a 15-year-old cries", "15-year-old", "25-year-old", Slot.AGE),
        ("a woman in her twenties cries", "twenties", "thirties", Slot.AGE),
        ("an Asian woman falls", "Asian ", "", Slot.IDENTITY),
        ("a walk with Anna at night", "Anna", "Maria", Slot.IDENTITY),
        ("a sign “Fall” at night", "“Fall”", "“Autumn”", Slot.TEXT),
        ("一個女孩獨自站著", "女孩", "女子", Slot.WHO),
        ("三隻狗打架", "三", "兩", Slot.HOW_MANY),
        ("十五歲的學生哭泣", "十五歲", "二十歲", Slot.AGE),
        ("一个亚洲人哭泣", "亚洲人", "人", Slot.IDENTITY),
        ("招牌写着「坠落」", "「坠落」", "「降落」", Slot.TEXT),
    ],
)
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


@pytest.mark.parametrize(
    ("text", "age"), [("他十五歲", "十五歲"), ("99岁", "99岁"), ("三十幾歲的人", "三十幾歲")]
)
def test_an_age_in_chinese_is_read(text: str, age: str) -> None:
    assert [one.value for one in find_slots(text) if Slot.AGE in one.slots] == [age]


@pytest.mark.parametrize("name", ["words.en", "words.zh"])
def test_every_replacement_of_the_tables_changes_only_the_slot_of_its_row(name: str) -> None:
    rows = driver_tables.word_rows()
    pairs = {"form": "alternatives"}
    if name == "words.zh":
        pairs = {tag: f"{tag} alternatives" for tag in ("zh-Hant", "zh-Hans")}
    for row in driver_tables.read_rows(name):
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
