"""The parts of a prompt that a search for triggers leaves out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from safelight.providers.advice.prompt_parts import keep_parts, split_parts
from support.rows import each_row


@each_row
def test_articles_and_prepositions_belong_to_the_next_word(text: str, parts: list[str]) -> None:
    assert [text[part.start : part.end] for part in split_parts(text)] == parts


@given(st.text(max_size=80))
def test_the_parts_are_the_whole_text(text: str) -> None:
    parts = split_parts(text)
    if parts:
        assert "".join(text[part.start : part.end] for part in parts) == text
        assert all(part.word in text[part.start : part.end] for part in parts)
        assert keep_parts(text, parts, range(len(parts))) == text.strip()


def test_only_the_kept_parts_stay() -> None:
    text = "A man stands on a rooftop at night."
    assert keep_parts(text, split_parts(text), {0, 3}) == "A man at night."


def test_a_known_word_is_not_divided() -> None:
    text = "女人站在天台上看"
    known = (text.index("天台"), text.index("天台") + 2)
    assert "天台" in [part.word for part in split_parts(text, [known])]
