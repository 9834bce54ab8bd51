from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.protocol import MediaText
from safelight.moderation.requested_text import added_text
from support.rows import each_row

NOTICE = "storyboard, not a generated video"


def added(*lines: str, expected: tuple[str, ...]) -> list[str]:
    return [
        line.text for line in added_text([MediaText(text=line, confidence=0.9) for line in lines], expected)
    ]


def test_the_generators_own_notice_is_expected_even_if_one_letter_is_misread() -> None:
    assert added("storyboard, not a generatad video", "not a generated video", expected=(NOTICE,)) == []


@each_row
def test_words_that_the_request_asked_for_are_expected(request_text: str, line: str) -> None:
    assert added(line, expected=(request_text,)) == []


@pytest.mark.parametrize(
    "line",
    ["storyboard, nota generated video", "storyboard, nøt a generated yideo", "storyboard notageeratedvider"],
)
def test_lost_spaces_and_misread_letters_of_the_notice_are_expected(line: str) -> None:
    assert added(line, expected=(NOTICE,)) == []


@each_row
def test_part_of_a_requested_word_is_added(request_text: str, line: str) -> None:
    assert added(line, expected=(request_text,)) == [line]


def test_words_that_nobody_asked_for_are_added() -> None:
    assert added("open late", "kill them all", expected=("a sign: open late",)) == ["kill them all"]


def test_the_same_words_in_another_order_are_added() -> None:
    assert added("bites man dog", expected=("dog bites man",)) == ["bites man dog"]


def test_a_short_word_with_another_letter_is_added() -> None:
    assert added("kill bill", expected=("a poster: kiss bill",)) == ["kill bill"]


def test_a_line_that_continues_behind_the_requested_words_is_added() -> None:
    assert added("open late forever", expected=("open late",)) == ["open late forever"]


@given(st.lists(st.text(min_size=1), max_size=4))
def test_without_expected_texts_every_line_is_added(lines: list[str]) -> None:
    assert added(*lines, expected=()) == lines
