from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from safelight.web.console.prompt_highlights import split_highlights


def test_overlapping_spans_are_merged() -> None:
    found = split_highlights("abcdefgh", [(4, 6), (1, 3), (2, 5)])
    assert [(piece.text, piece.highlighted) for piece in found] == [
        ("a", False),
        ("bcdef", True),
        ("gh", False),
    ]


@given(st.text(max_size=30), st.lists(st.tuples(st.integers(-5, 40), st.integers(-5, 40)), max_size=6))
def test_segments_keep_the_text_and_highlight_exactly_the_spans(
    text: str, spans: list[tuple[int, int]]
) -> None:
    found = split_highlights(text, spans)
    assert "".join(piece.text for piece in found) == text
    marked = [piece.highlighted for piece in found for _ in piece.text]
    assert marked == [any(start <= i < end for start, end in spans) for i in range(len(text))]
    assert all(piece.text for piece in found)
