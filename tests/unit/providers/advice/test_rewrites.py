"""Rewrites beyond single words: the whole prompt, ages, views, railings, proportions, shorter prompts."""

from __future__ import annotations

from itertools import pairwise

import pytest

from safelight.core.i18n import LANGUAGES
from safelight.policy.findings import Basis
from safelight.providers.advice.drivers import find_drivers
from safelight.providers.advice.meaning_slots import FIXED, find_slot_changes
from safelight.providers.advice.prompt_advice import BlockedAt
from safelight.providers.advice.suggestions import find_replacements
from safelight.providers.advice.whole_prompt import MAX_WHOLE
from support.prompt_advice import advised, rewrites, suggested
from support.rows import each_row
from support.verdicts import seen

WHOLE = ("together", "strongest", "everything")
WOMAN = "A woman alone in a dark street"
ALONE = {"en": WOMAN, "zh-Hant": "一個女人獨自走在夜晚的街道", "zh-Hans": "一个女人独自走在夜晚的街道"}


PROMPTS = (
    "A person standing alone on a rooftop at night, looking down at the city",
    "An extremely huge dragon at night, an actor in a dangerous stunt",
    "Two old men fight at the edge of a cliff, a sign says “No exit”",
    "一個人獨自站在夜晚的樓頂上，俯瞰城市",
    "一个女人站在悬崖边缘，夜晚，非常孤独",
)


@each_row
def test_there_are_at_most_three_whole_prompt_suggestions_the_least_risk_and_fewest_changes_first(
    prompt: str,
) -> None:
    whole = [one for one in advised(prompt, purpose="a short film").suggestions if one.message in WHOLE]
    assert 1 <= len(whole) <= MAX_WHOLE
    assert len({one.rewritten for one in whole}) == len(whole)
    left = [len(find_drivers({"prompt": one.rewritten}, ())) for one in whole]
    assert left == sorted(left)
    for first, second in pairwise(whole):
        same = find_drivers({"prompt": first.rewritten}, ()) == find_drivers({"prompt": second.rewritten}, ())
        assert not same or len(first.edits) <= len(second.edits)


@each_row
def test_no_rewrite_changes_who_number_identity_or_visible_text(prompt: str) -> None:
    options = {"purpose": "a short film", "blocked_at": BlockedAt.OUTPUT}
    for one in advised(prompt, references=1, **options).suggestions:
        for change in find_slot_changes(one.diff):
            assert not change.slots & FIXED or one.stated >= change.slots


def test_a_whole_prompt_suggestion_has_the_conditions_of_its_parts() -> None:
    (everything,) = suggested(advised(PROMPTS[1]), "everything")
    assert set(everything.conditions) == {"size", "time", "staged", "same_scene"}


def test_no_suggestion_has_conditions_that_exclude_each_other() -> None:
    for prompt in (PROMPTS[1], "Two men are in a fight and fall at night", "演員墜落，痛苦的表情，打鬥"):
        for one in advised(prompt).suggestions:
            assert not {"unhurt", "staged"} <= set(one.conditions)


@each_row
def test_an_injury_that_the_text_states_is_not_rewritten_away(prompt: str, kept: str) -> None:
    rewritten = rewrites(advised(prompt))
    assert rewritten
    assert all(kept in one for one in rewritten)


@each_row
def test_a_word_of_size_becomes_a_proportion(prompt: str, rewritten: str) -> None:
    first = advised(prompt).suggestions[0]
    assert (first.rewritten, first.conditions) == (rewritten, ("size",))


@each_row
def test_words_that_only_strengthen_are_left_out_beside_a_driver_and_not_after_a_denial(
    what: str, prompt: str, rewritten: str
) -> None:
    simpler = [one.rewritten for one in suggested(advised(prompt, blocked_at=BlockedAt.REQUEST), "simpler")]
    assert simpler == ([rewritten] if rewritten else [])


@each_row
def test_the_age_that_the_user_gave_is_written_before_the_word_for_one_person(
    what: str, prompt: str, age: int, rewritten: str
) -> None:
    assert [one.rewritten for one in suggested(advised(prompt, age=age), "age_given")] == [rewritten]


@pytest.mark.parametrize("locale", LANGUAGES)
def test_an_age_is_asked_for_and_never_inserted(locale: str) -> None:
    asked = advised(ALONE[locale], blocked_at=BlockedAt.OUTPUT)
    assert len(suggested(asked, "age")) == 1
    assert not any("year-old" in one.rewritten or "35" in one.rewritten for one in asked.suggestions)
    assert suggested(advised(ALONE[locale]), "age") == []
    assert suggested(advised(ALONE[locale], age=30, blocked_at=BlockedAt.OUTPUT), "age") == []


@each_row
def test_no_age_is_offered_beside_a_cue_of_sex_or_youth_or_where_the_word_is_not_one_person(
    what: str, prompt: str
) -> None:
    given = advised(prompt, age=30, blocked_at=BlockedAt.OUTPUT)
    assert suggested(given, "age_given") == suggested(advised(prompt, age=30), "age_given") == []
    assert "30" not in " ".join(one.rewritten for one in given.suggestions)
    assert suggested(advised(prompt, blocked_at=BlockedAt.OUTPUT), "age") == []


@each_row
def test_an_ordinary_number_is_no_age(prompt: str) -> None:
    assert len(suggested(advised(prompt, age=30), "age_given")) == 1


def test_no_age_is_offered_beside_a_cue_in_another_text_or_a_finding_below_its_alarm() -> None:
    for category, score in (("sexual", 0.1), ("minors-present", 0.05), ("minors-present", 0.9)):
        found = (seen(category, score, basis=Basis.LEARNED),)
        assert suggested(advised(WOMAN, age=30, findings=found), "age_given") == []
        assert suggested(advised(WOMAN, findings=found, blocked_at=BlockedAt.OUTPUT), "age") == []
    assert suggested(advised(WOMAN, age=30, purpose="a film for our school"), "age_given") == []
    texts = {"prompt": WOMAN, "template": "swimsuit catalogue"}
    assert suggested(advised(WOMAN, texts=texts, age=30), "age_given") == []
    for several in ("Two women", "A woman and a man", "An elderly woman"):
        assert suggested(advised(f"{several} in the dark", age=30), "age_given") == []


def test_a_face_in_a_reference_can_be_turned_away() -> None:
    advice = advised(WOMAN, references=1, reference_shows=("pained_faces",))
    assert [one.rewritten for one in suggested(advice, "from_behind")] == [
        "A woman, seen from behind, alone in a dark street"
    ]
    assert len(suggested(advice, "faceless")) == 1
    assert suggested(advised(WOMAN), "from_behind") == []


@each_row
def test_no_view_from_behind_is_offered_beside_swimwear_undress_school_or_youth(prompt: str) -> None:
    advice = advised(prompt, references=1, reference_shows=("pained_faces",))
    assert suggested(advice, "from_behind") == []
    assert advice.suggestions


@each_row
def test_a_railing_is_added_at_an_edge(prompt: str, rewritten: str) -> None:
    (railing,) = suggested(advised(prompt), "railing")
    assert (railing.rewritten, railing.conditions) == (rewritten, ("railing",))


@pytest.mark.parametrize("prompt", ["A man jumps from a roof", "A man at the edge of a roof with a railing"])
def test_no_railing_is_added_to_a_jump_or_twice(prompt: str) -> None:
    assert suggested(advised(prompt), "railing") == []


@pytest.mark.parametrize("locale", LANGUAGES)
def test_after_one_failed_rewrite_the_advice_says_so_and_stops(locale: str) -> None:
    advice = advised(ALONE[locale], rewrite_failed=True, blocked_at=BlockedAt.REQUEST)
    wire = advice.as_wire(locale)
    assert (wire["suggestions"], wire["fix"]) == ([], None)
    assert wire["no_suggestions"]["reason"] == "rewrite_failed"
    said = {"en": "something real", "zh-Hant": "真的", "zh-Hans": "确实"}
    assert said[locale] in wire["no_suggestions"]["text"]
    assert wire["drivers"]


@each_row
def test_a_condition_names_the_risk_that_the_replaced_word_states(prompt: str, condition: str) -> None:
    found = [one for one in advised(prompt).suggestions if one.message == "replace"]
    assert found
    assert all(condition in one.conditions for one in found)


@each_row
def test_no_rewrite_makes_a_wrong_sentence_of_these(prompt: str) -> None:
    drivers = find_drivers({"prompt": prompt}, ())
    assert list(find_replacements(prompt, drivers, ())) == []
