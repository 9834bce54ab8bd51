from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.text.word_grams import (
    Vocabulary,
    chinese_grams,
    chinese_words,
    english_grams,
    hash_gram,
    hash_grams,
)


def vocabulary(*grams: str) -> Vocabulary:
    return Vocabulary(
        hashes=np.array(sorted(map(hash_gram, grams)), dtype=np.uint32),
        rarity=np.ones(len(grams), dtype=np.float32),
    )


def test_english_has_words_and_pairs() -> None:
    assert [gram for gram, _start, _end in english_grams("a red bike")] == [
        "a",
        "red",
        "a red",
        "bike",
        "red bike",
    ]


def test_chinese_has_words_but_no_single_characters_as_letters() -> None:
    grams = [gram for gram, _start, _end in chinese_grams("我的女儿")]
    assert "女儿" in grams
    assert "c 女儿" in grams
    assert not any(gram.startswith("c ") and len(gram) < 4 for gram in grams)


@given(st.text(alphabet="我的女儿在 海边,ab。1", max_size=40))
def test_each_gram_is_at_its_place(text: str) -> None:
    for gram, start, end in chinese_words(text):
        assert text[start:end] == gram
    for gram, start, end in english_grams(text):
        assert text[start:end].split() or gram
        assert 0 <= start < end <= len(text)


def test_a_short_text_weighs_less_than_a_sentence() -> None:
    known = vocabulary("kill")
    short = known.vector(english_grams("kill"))[1]
    assert 0 < short.sum() < 0.2


def test_unknown_grams_are_left_out() -> None:
    columns, values = vocabulary("cat").vector(english_grams("a dog and a cat"))
    assert columns.tolist() == [0]
    assert len(values) == 1
    assert len(vocabulary("cat").find(hash_grams([]))[0]) == 0
