from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.text import classifiers
from safelight.detectors.text.attribution import MAX_SHARE, attribute_spans, token_spans
from safelight.detectors.text.readings import WordReader
from safelight.detectors.text.word_grams import english_grams


def test_words_and_chinese_characters_are_tokens() -> None:
    text = "don't run, 持刀 now"
    assert [text[a:b] for a, b in token_spans(text)] == ["don't", "run", "持", "刀", "now"]


def test_the_strongest_words_are_taken_and_more_if_the_finding_would_remain() -> None:
    text = "one two three four five six seven eight nine ten eleven twelve"
    worth = np.zeros(len(text), dtype=np.float32)
    for word, value in (("five", 0.75), ("ten", 0.5)):
        at = text.index(word)
        worth[at : at + len(word)] = value
    assert "five" in " ".join(text[a:b] for a, b in attribute_spans(text, worth, margin=1.0))
    evidence = " ".join(text[a:b] for a, b in attribute_spans(text, worth, margin=4.0))
    assert "ten" in evidence
    assert "five" in evidence


@given(st.text(max_size=120))
def test_evidence_is_inside_the_text_and_small(text: str) -> None:
    worth = np.arange(len(text), dtype=np.float32)
    places = attribute_spans(text, worth, margin=1e9)
    assert all(0 <= start <= end <= len(text) for start, end in places)
    every = token_spans(text)
    if every:
        inside = [one for one in every if any(a <= one[0] and one[1] <= b for a, b in places)]
        assert 1 <= len(inside) <= max(1, int(MAX_SHARE * len(every)))


def test_the_words_of_a_category_contribute_most_to_it() -> None:
    text = "the killer stabs his victim and a lamp glows softly in the window"
    reading = WordReader(english_grams)(text)
    worth = reading.explain(classifiers.load().model("english-words"), "violence", 0)
    at = text.index("stabs")
    assert worth.shape == (len(text),)
    assert worth[at : at + 5].sum() > worth[text.index("lamp") :].mean() * 5
