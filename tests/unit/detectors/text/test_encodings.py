from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.text.encodings import decode_views
from safelight.detectors.text.normalise import final_views, views
from support.rows import each_row

HIDDEN = "a quiet lighthouse keeper waits for the evening boat"


@each_row
def test_encoded_text_becomes_a_view_with_offsets(kind: str, text: str) -> None:
    typed = f"film this: {text} now"
    found = {view.kind: view for view in final_views(views(typed))[1:]}
    words = "lighthouse keeper waits" if kind == "rot13" else HIDDEN
    assert words in found[kind].text
    start = found[kind].text.index(words)
    first, last = found[kind].span(start, start + len(words))
    assert 0 <= first < last <= len(typed)
    if kind != "rot13":
        assert text.startswith(typed[first:last][:8])


@each_row
def test_ordinary_words_hide_nothing(text: str) -> None:
    assert list(decode_views(text)) == []


@given(st.text(max_size=300))
def test_any_text_is_accepted_and_every_offset_is_inside_it(text: str) -> None:
    for view in views(text):
        assert len(view.offsets) == len(view.text) + 1
        if view.text:
            start, end = view.span(0, len(view.text))
            assert 0 <= start <= end <= len(text)
