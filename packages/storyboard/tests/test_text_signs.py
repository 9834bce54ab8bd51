from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight_storyboard import text_signs


@given(st.text(max_size=48))
def test_every_drawable_text_has_a_font_and_ink(text: str) -> None:
    words = text_signs.drawable(text)
    assert text_signs.drawable(words) == words
    if words:
        mask = text_signs.letters(words, 20)
        assert mask is not None
        assert mask.ndim == 2


@pytest.mark.parametrize("text", ["OPEN", "CAFÉ", "3 km – north", "Straße", "“quoted”"])
def test_latin_text_leaves_ink(text: str) -> None:
    mask = text_signs.letters(text_signs.drawable(text), 24)
    assert mask is not None
    assert mask.max() > 200


def test_without_a_font_accents_are_dropped_and_letters_kept() -> None:
    assert text_signs.drawable("CAFÉ 你好", han=(), wide=()) == "CAFE"
    assert text_signs.drawable("你好", han=(), wide=()) == ""
