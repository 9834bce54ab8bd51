from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.protocol import MediaText
from safelight.screening.requested_text import added_text
from support.rows import each_row

NOTICE = "storyboard, not a generated video"


def added_lines(*lines: str, expected: tuple[str, ...]) -> list[str]:
    return [
        line.text for line in added_text([MediaText(text=line, confidence=0.9) for line in lines], expected)
    ]


def test_the_generators_own_notice_is_expected_even_if_one_letter_is_misread() -> None:
    assert added_lines("storyboard, not a generatad video", "not a generated video", expected=(NOTICE,)) == []


@each_row
def test_words_that_the_request_asked_for_are_expected_and_others_are_added(
    what: str, request_text: str, line: str, added: bool
) -> None:
    assert added_lines(line, expected=(request_text,)) == [line] * added


def test_words_that_nobody_asked_for_are_added() -> None:
    assert added_lines("open late", "kill them all", expected=("a sign: open late",)) == ["kill them all"]


@given(st.lists(st.text(min_size=1), max_size=4))
def test_without_expected_texts_every_line_is_added(lines: list[str]) -> None:
    assert added_lines(*lines, expected=()) == lines
