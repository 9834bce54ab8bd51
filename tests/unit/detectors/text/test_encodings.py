from __future__ import annotations

import base64
import codecs
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.text.encodings import decode_views
from safelight.detectors.text.normalise import final_views, views

HIDDEN = "a quiet lighthouse keeper waits for the evening boat"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("base64", base64.b64encode(HIDDEN.encode()).decode()),
        ("base64", base64.urlsafe_b64encode(HIDDEN.encode()).decode().rstrip("=")),
        ("hex", HIDDEN.encode().hex()),
        ("hex", " ".join(f"{byte:02x}" for byte in HIDDEN.encode())),
        ("url", quote(HIDDEN, safe="").replace("a", "%61").replace("e", "%65")),
        ("references", "".join(f"&#{ord(letter)};" for letter in HIDDEN)),
        ("references", "".join(f"\\u{ord(letter):04x}" for letter in HIDDEN)),
        ("rot13", codecs.encode(HIDDEN, "rot13")),
    ],
)
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


@pytest.mark.parametrize(
    "text",
    [
        "an extraordinary photographic study of rhythm and strength",
        "model x1234567890, colour #a0b1c2, 50% off",
        "Zbigniew walks along the Wrzeszcz street",
        "a dog barks, hugs and jumps",
    ],
)
def test_ordinary_words_hide_nothing(text: str) -> None:
    assert list(decode_views(text)) == []


@given(st.text(max_size=300))
def test_any_text_is_accepted_and_every_offset_is_inside_it(text: str) -> None:
    for view in views(text):
        assert len(view.offsets) == len(view.text) + 1
        if view.text:
            start, end = view.span(0, len(view.text))
            assert 0 <= start <= end <= len(text)
