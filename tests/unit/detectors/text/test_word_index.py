from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.text.lists import WordIndex

CHINESE = st.text(alphabet="天地人", min_size=1, max_size=4)


def found(phrases: list[str], text: str) -> set[str]:
    return {text[start:end] for _number, start, end in WordIndex(phrases).find(text)}


@given(st.lists(CHINESE, min_size=1, max_size=12, unique=True), st.text(alphabet="天地人水", max_size=60))
def test_chinese_phrases_are_found_everywhere(phrases: list[str], text: str) -> None:
    expected = {
        (number, start, start + len(phrase))
        for number, phrase in enumerate(phrases)
        for start in range(len(text))
        if text.startswith(phrase, start)
    }
    assert set(WordIndex(phrases).find(text)) == expected


def test_english_phrases_are_found_as_whole_words_with_an_optional_plural() -> None:
    assert found(["red pill"], "a red pill, two red pills, red pillar, bored pill") == {
        "red pill",
        "red pills",
    }
    assert found(["gas"], "gas gases") == {"gas"}
    assert found(["i"], "this is what i see") == {"i"}
    assert found(["r2-d2", "mcdonald's"], "r2-d2 at mcdonald's") == {"r2-d2", "mcdonald's"}


def test_a_phrase_at_the_end_of_the_text_is_found_once() -> None:
    assert list(WordIndex(["a plane", "a plane ticket"]).find("a plane")) == [(0, 0, 7)]


def test_a_phrase_may_mix_scripts_and_overlap_another() -> None:
    assert found(["av女", "女優", "b"], "見av女優 b超") == {"av女", "女優", "b"}


def test_an_empty_phrase_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        WordIndex(["a", ""])
