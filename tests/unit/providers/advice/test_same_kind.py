from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from safelight.providers.advice.advice_data import read_rows
from safelight.providers.advice.age_cues import has_age_cue
from safelight.providers.advice.drivers import find_drivers
from safelight.providers.advice.graphic_words import suggest_graphic_violence
from safelight.providers.advice.meaning_slots import FIXED, find_fixed_changes, find_slots
from safelight.providers.advice.prompt_details import find_kept_ranges
from safelight.providers.advice.suggestions import find_same_kind
from safelight.providers.advice.text_edit import apply_edits
from safelight_lab.simulation.scene_grammar import scene_grammar
from support.verdicts import seen


def rewrites(prompt: str) -> list[str]:
    kept = find_kept_ranges(prompt, find_drivers({"prompt": prompt}, ()), ())
    return [apply_edits(prompt, one.edits)[0] for one in find_same_kind(prompt, kept)]


def words() -> list[str]:
    return [
        word for row in read_rows("same_kind") if row["class"] != "context" for word in row["en"].split("|")
    ]


def test_a_thing_is_replaced_by_others_of_its_kind_with_the_article() -> None:
    assert rewrites("A fox with an apple.") == ["A fox with a pear.", "A fox with an orange."]


def test_verbs_are_replaced_and_adjectives_are_not() -> None:
    assert "A fox strolls across a sunny lawn" in rewrites("A fox walks across a sunny lawn")
    assert rewrites("A sunny lawn") == rewrites("A brown fox") == []


def test_every_place_of_a_word_is_replaced_at_once() -> None:
    assert "A pear, then the pear" in rewrites("An apple, then the apple")


def test_persons_names_quotations_and_compounds_stay() -> None:
    for prompt in (
        "An apple farmer waits",
        'A sign "apple"',
        "A man with a Blue Apple",
        "No apple, no balloon",
    ):
        assert rewrites(prompt) == [], prompt


def test_no_word_is_reported_or_states_a_person_an_age_youth_or_violence() -> None:
    for word in words():
        prompt = f"a {word} there"
        assert not find_drivers({"prompt": prompt}, ()), word
        assert not any(one.slots & FIXED for one in find_slots(word)), word
        assert not has_age_cue((prompt,), ()), word
        assert not suggest_graphic_violence((), (prompt,)), word


def test_a_theme_for_adults_is_no_sign_against_an_age() -> None:
    theme, found = seen("sexual", 0.25, kind="mature"), seen("sexual")
    assert not has_age_cue(("a man on a date",), [theme])
    assert has_age_cue(("a man on a date",), [theme, found])


def test_a_row_has_no_word_twice() -> None:
    for row in read_rows("same_kind"):
        kinds = row["en"].split("|")
        assert len(kinds) == len(set(kinds)) > 1


@given(st.integers(0, 10_000))
def test_no_rewrite_of_a_harmless_scene_changes_a_fixed_slot(seed: int) -> None:
    [prompt] = scene_grammar().prompts(1, seed)
    for one in rewrites(prompt):
        assert not find_fixed_changes(prompt, one)
