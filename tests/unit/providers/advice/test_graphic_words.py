from __future__ import annotations

import pytest

from safelight.providers.advice.graphic_words import suggest_graphic_violence
from support.rows import each_row
from support.verdicts import seen

VIOLENCE = seen("violence")


@each_row
def test_signs_of_injury_or_death_suggest_graphic_violence_and_ordinary_scenes_do_not(
    what: str, text: str, suggests: bool
) -> None:
    assert suggest_graphic_violence((), [text]) is suggests


def test_a_finding_of_graphic_violence_counts_below_its_operating_point() -> None:
    likely, weak, excluded = (
        seen("violence/graphic", score, **more)
        for score, more in ((0.4, {}), (0.3, {}), (0.9, {"negated": True}))
    )
    assert suggest_graphic_violence([likely], ["a quiet street"])
    assert suggest_graphic_violence([weak], ["a corpse"])
    assert not suggest_graphic_violence([weak], ["a quiet street"])
    assert not suggest_graphic_violence([excluded], ["a corpse"])


@pytest.mark.parametrize("text", ["blood on a stage", "a corpse", "a car crash", "he cuts a lemon"])
def test_with_a_finding_of_violence_one_word_is_enough(text: str) -> None:
    assert suggest_graphic_violence([VIOLENCE], [text])
    assert not suggest_graphic_violence((), [text])


@pytest.mark.parametrize("text", ["a quiet street", "a blood orange", "no blood, no wounds", "a Bloody Mary"])
def test_with_a_finding_of_violence_ordinary_and_excluded_words_are_no_sign(text: str) -> None:
    assert not suggest_graphic_violence([VIOLENCE], [text])


def test_signs_in_different_fields_count_together() -> None:
    assert suggest_graphic_violence((), ["blood on the floor", "next to a corpse"])


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
