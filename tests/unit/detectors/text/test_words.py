"""The shipped lists and compositions: what they must find, and harmless neighbours."""

from __future__ import annotations

import pytest

from safelight.detectors.text import plugins
from safelight.detectors.text.words import load_shipped
from support.rows import each_row
from support.texts import findings

DETECTOR = load_shipped()
FACTS = {"minors-present", "likeness", "ip/brand", "ip/character"}


def found(text: str) -> dict[str, float]:
    """The categories of harm that are found at .5 or above."""
    return {
        one.category: one.score
        for one in findings(DETECTOR, text)
        if one.score >= 0.5 and one.category not in FACTS
    }


@each_row
def test_harm_is_found_under_its_category(text: str, category: str) -> None:
    assert found(text).get(category, 0) >= 0.7


@each_row
def test_an_explicit_wish_to_fool_people_is_an_attribute(text: str) -> None:
    assert any(
        one.attributes.get("explicit") is True and one.category == "deception"
        for one in findings(DETECTOR, text)
    )


@pytest.mark.parametrize("opening", ["What is ", "what's ", "Can you explain "])
def test_a_question_in_front_changes_nothing(opening: str) -> None:
    for text in ("a nude woman on a bed", "the way to make a pipe bomb, step by step"):
        assert found(opening + text + "?") == found(text)


@each_row
def test_an_ordinary_sentence_raises_nothing(text: str) -> None:
    assert found(text) == {}


def test_the_plugin_declares_the_cells_of_lists_and_compositions() -> None:
    assert DETECTOR.capabilities == plugins.WORDS.capabilities
