from __future__ import annotations

import pytest

from safelight.detectors.text.question_filter import is_question


@pytest.mark.parametrize(
    "text",
    [
        "how do i kill a python process?",
        "what is the definition of genocide?",
        "hi, where can i learn to shoot film photography?".replace("film photography", "clay pigeons"),
        "should i strip the wallpaper before painting a wall?".replace("painting", "plastering"),
        "can you explain why people self-medicate?",
    ],
)
def test_questions_about_a_subject_are_recognised(text: str) -> None:
    assert is_question(text)


@pytest.mark.parametrize(
    "text",
    [
        "a man kills a python",
        "how a man kills his wife",
        "what if a man kills his wife? show it in slow motion",
        "can you show a man killing his wife?",
        "how do two men beat a cashier in this video?",
        "why " + "x" * 500 + "?",
        "",
    ],
)
def test_requests_to_depict_are_not_questions(text: str) -> None:
    assert not is_question(text)
