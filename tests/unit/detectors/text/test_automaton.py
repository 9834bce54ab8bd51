from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.text.automaton import Automaton

WORD = st.text(alphabet="abc", min_size=1, max_size=5)


@given(st.lists(WORD, min_size=1, max_size=12, unique=True), st.text(alphabet="abcd", max_size=60))
def test_it_finds_what_a_search_for_each_word_finds(words: list[str], text: str) -> None:
    expected = {
        (number, start, start + len(word))
        for number, word in enumerate(words)
        for start in range(len(text))
        if text.startswith(word, start)
    }
    assert set(Automaton(words).find(text)) == expected


def test_an_empty_word_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        Automaton(["a", ""])
