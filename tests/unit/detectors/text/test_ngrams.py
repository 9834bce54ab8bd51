from __future__ import annotations

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
