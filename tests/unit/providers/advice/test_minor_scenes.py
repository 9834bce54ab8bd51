from __future__ import annotations

import pytest

from safelight.providers.advice.age_cues import has_age_cue
from safelight.providers.advice.help_gate import suggest_minor_scene
from support.rows import each_row
from support.verdicts import seen

MINOR = seen("minors-present")


@pytest.mark.parametrize(
    "text", ["A schoolgirl in a bikini dances", "一名女學生穿著比基尼跳舞", "一名女学生穿着内衣"]
)
def test_a_minor_with_a_word_of_undress_gets_no_help(text: str) -> None:
    assert suggest_minor_scene([MINOR], [text])
    assert not suggest_minor_scene([], [text])


@each_row
def test_ordinary_scenes_with_children_get_help(text: str) -> None:
    assert not suggest_minor_scene([MINOR], [text])


def test_a_theme_for_adults_is_no_sign_against_an_age() -> None:
    theme, found = seen("sexual", 0.25, kind="mature"), seen("sexual")
    assert not has_age_cue(("a man on a date",), [theme])
    assert has_age_cue(("a man on a date",), [theme, found])
