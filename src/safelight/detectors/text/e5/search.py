"""Embeddings for a search by meaning in English and Chinese, made from the last layer of E5.

E5 puts texts of one language nearer to each other than texts of one meaning. Without the mean of its
language, an embedding is near to those that mean the same in either language (docs/benchmarks/library.md).
"""

from __future__ import annotations

from importlib import resources

import numpy as np

from safelight.detectors.text.chinese import is_mostly_chinese
from safelight.detectors.text.minilm.graph import WIDTH

from .encoder import Array, E5Encoder

#: The mean embeddings of English and of Chinese captions, two rows; `python -m bench.library_search means`
#: writes them.
MEANS_FILE = "means.npy"


class SearchEmbedder:
    """Maps a normalized text to 384 values."""

    def __init__(self, encoder: E5Encoder) -> None:
        self._encoder = encoder
        self._means = _shipped_means()

    def __call__(self, text: str) -> Array:
        embedded = self._encoder.read_text(text).embedding[-WIDTH:]
        return np.asarray(embedded - self._means[int(is_mostly_chinese(text))])


def _shipped_means() -> Array:
    with (resources.files(__package__) / MEANS_FILE).open("rb") as file:
        return np.asarray(np.load(file, allow_pickle=False))
