from __future__ import annotations

from typing import Any

import msgspec
import pytest

from safelight.advice.graphic_words import suggest_graphic_violence
from safelight.policy.findings import Basis, Finding, Modality
from support.rows import each_row

VIOLENCE = Finding(
    category="violence",
    score=0.9,
    modality=Modality.TEXT,
    detector="violence-lists",
    version="1",
    reason="Found.",
    basis=Basis.MATCHED,
)


@each_row
def test_blood_together_with_injury_or_death_suggests_graphic_violence(text: str) -> None:
    assert suggest_graphic_violence((), [text])


@each_row
def test_a_graphic_word_alone_suggests_graphic_violence(text: str) -> None:
    assert suggest_graphic_violence((), [text])


@each_row
def test_two_signs_of_different_kinds_or_two_injuries_suggest_graphic_violence(text: str) -> None:
    assert suggest_graphic_violence((), [text])


def graphic(score: float, **changes: Any) -> Finding:
    return msgspec.structs.replace(VIOLENCE, category="violence/graphic", score=score, **changes)


def test_a_finding_of_graphic_violence_counts_below_its_operating_point() -> None:
    assert suggest_graphic_violence([graphic(0.4)], ["a quiet street"])
    assert suggest_graphic_violence([graphic(0.3)], ["a corpse"])
    assert not suggest_graphic_violence([graphic(0.3)], ["a quiet street"])
    assert not suggest_graphic_violence([graphic(0.9, attributes={"negated": True})], ["a corpse"])


@each_row
def test_an_ordinary_scene_with_one_such_word_gets_help(text: str) -> None:
    assert not suggest_graphic_violence((), [text])


@each_row
def test_ordinary_and_excluded_words_and_one_sign_alone_do_not(text: str) -> None:
    assert not suggest_graphic_violence((), [text])


@pytest.mark.parametrize("text", ["blood on a stage", "a corpse", "a car crash", "he cuts a lemon"])
def test_with_a_finding_of_violence_one_word_is_enough(text: str) -> None:
    assert suggest_graphic_violence([VIOLENCE], [text])
    assert not suggest_graphic_violence((), [text])


@pytest.mark.parametrize("text", ["a quiet street", "a blood orange", "no blood, no wounds", "a Bloody Mary"])
def test_with_a_finding_of_violence_ordinary_and_excluded_words_are_no_sign(text: str) -> None:
    assert not suggest_graphic_violence([VIOLENCE], [text])


def test_signs_in_different_fields_count_together() -> None:
    assert suggest_graphic_violence((), ["blood on the floor", "next to a corpse"])


@each_row
def test_a_harmed_body_suggests_graphic_violence(text: str) -> None:
    assert suggest_graphic_violence((), [text])


@each_row
def test_ordinary_bodies_and_beings_of_stories_get_help(text: str) -> None:
    assert not suggest_graphic_violence((), [text])


@each_row
def test_common_words_of_food_sport_costumes_and_nature_get_help(text: str) -> None:
    assert not suggest_graphic_violence((), [text])


@pytest.mark.parametrize(
    "text", ["A monster drags a body, dripping", "A killer drags a body", "A demon gnaws on ribs"]
)
def test_three_common_words_or_one_that_is_clear_suggest_graphic_violence(text: str) -> None:
    assert suggest_graphic_violence((), [text])


def test_a_word_with_letters_of_another_script_that_look_alike_is_a_sign_next_to_another_one() -> None:
    # Cyrillic letters in "wall".
    assert suggest_graphic_violence((), ["red paint like blood on the w\u0430ll"])
    assert not suggest_graphic_violence((), ["red paint like blood on the wall"])
    assert not suggest_graphic_violence((), ["red paint on the w\u0430ll"])


@each_row
def test_two_languages_signs_and_letters_with_diacritics_are_no_sign(text: str) -> None:
    assert not suggest_graphic_violence((), [text])
