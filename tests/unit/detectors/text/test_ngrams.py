from __future__ import annotations

import re
import zlib
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.text import ngrams

ANY_TEXT = st.text(st.characters(codec=None, categories=None), max_size=300)


@given(ANY_TEXT)
def test_features_are_sorted_within_bounds_and_of_length_one(text: str) -> None:
    indices, values = ngrams.features(text)
    assert list(indices) == sorted(set(indices.tolist()))
    assert all(0 <= index < ngrams.SIZE for index in indices.tolist())
    assert len(indices) == 0 or abs(float(np.linalg.norm(values)) - 1) < 1e-5


def test_chinese_has_its_own_features() -> None:
    assert len(ngrams.features("一个男人在看书")[0]) > 10


def slow_features(text: str) -> tuple[list[int], list[int]]:
    """Every n-gram hashed anew: buckets in their order, and how often each occurs."""
    grams: list[str] = []
    before = ""
    for hit in re.finditer(r"[a-z0-9][a-z0-9']*|[\u3400-\u9fff]+|[^\W\d_]+", text):
        piece = hit.group()
        if piece[0] >= "\u3400":
            sizes, whole, before = (1, 2, 3), piece, ""
        else:
            grams += [f"w {piece}", *([f"b {before} {piece}"] if before else [])]
            sizes, whole, before = (3, 4), f"<{piece[:40]}>", piece
        grams += [whole[n : n + size] for size in sizes for n in range(len(whole) - size + 1)]
    counted = Counter(zlib.crc32(gram.encode("utf-8", "ignore")) % ngrams.SIZE for gram in grams)
    return sorted(counted), [counted[bucket] for bucket in sorted(counted)]


KNOWN = st.sampled_from(["tram", "dusk", "o'clock", "雨中的電車", "ünïcode", "x" * 60, "7", "\ud800"])


@given(st.lists(st.one_of(KNOWN, st.text())))
def test_words_that_are_known_from_other_texts_give_the_same_features(words: list[str]) -> None:
    text = " ".join(words)
    buckets, counts = slow_features(text)
    for _ in range(2):
        indices, values = ngrams.features(text)
        assert indices.tolist() == buckets
        assert np.allclose(values, np.sqrt(counts) / max(float(np.linalg.norm(np.sqrt(counts))), 1e-9))
