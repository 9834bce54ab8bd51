"""Small trained heads: from n-grams and embeddings to one probability per category.

The weights are in `heads/heads.npz`; how they were made, and what they are worth, in `heads/card.md`.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from . import ngrams

Array: TypeAlias = npt.NDArray[np.float32]

#: Findings below this probability are not worth a word.
FLOOR = 0.3


@dataclass(frozen=True, kw_only=True)
class Heads:
    """Weights in memory. Every method gives one number per category, in the order of `categories`."""

    categories: tuple[str, ...]
    #: (categories, n-grams) and what one level is worth.
    gram_levels: npt.NDArray[np.int8]
    gram_scale: Array
    gram_bias: Array
    line: Array
    line_bias: Array
    hidden: Array
    hidden_bias: Array
    out: Array
    out_bias: Array
    #: (2, categories): slope and offset from a score to log-odds, for n-grams alone and for all together.
    gram_calibration: Array
    fused_calibration: Array
    sha256: str

    @cached_property
    def _by_gram(self) -> npt.NDArray[np.int8]:
        return np.ascontiguousarray(self.gram_levels.T)

    def gram_scores(self, text: str) -> Array:
        """Log-odds, not calibrated, of a folded text by its n-grams."""
        indices, values = ngrams.features(text)
        raw = values @ self._by_gram[indices].astype(np.float32)
        return np.asarray(raw * self.gram_scale + self.gram_bias, dtype=np.float32)

    def embedding_scores(self, embeddings: Array) -> Array:
        """Log-odds, not calibrated, one row per embedding."""
        straight = embeddings @ self.line.T + self.line_bias
        bent = np.maximum(embeddings @ self.hidden + self.hidden_bias, 0) @ self.out + self.out_bias
        return np.asarray((straight + bent) / 2, dtype=np.float32)

    def gram_probabilities(self, scores: Array) -> Array:
        return _probability(scores, self.gram_calibration)

    def fused_probabilities(self, gram_scores: Array, embedding_scores: Array) -> Array:
        return _probability(fused(gram_scores, embedding_scores), self.fused_calibration)


def fused(gram_scores: Array, embedding_scores: Array) -> Array:
    """The embedding counts twice: it generalises, n-grams remember."""
    return np.asarray((gram_scores + 2 * embedding_scores) / 3, dtype=np.float32)


def load(data: bytes | None = None) -> Heads:
    """The shipped heads, or those in `data`. Raises `ValueError` or `KeyError` where it holds no heads."""
    if data is None:
        data = (files("safelight.detectors.text") / "heads" / "heads.npz").read_bytes()
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        if int(stored["features"]) != ngrams.FEATURES:
            raise ValueError("these heads were trained on other features")
        names = tuple(str(name) for name in stored["categories"])
        arrays = {
            name: np.asarray(stored[name], dtype=np.float32)
            for name in (
                *("gram_scale", "gram_bias", "line", "line_bias", "hidden", "hidden_bias", "out", "out_bias"),
                *("gram_calibration", "fused_calibration"),
            )
        }
        levels = np.asarray(stored["gram_levels"], dtype=np.int8)
    return Heads(categories=names, gram_levels=levels, sha256=hashlib.sha256(data).hexdigest(), **arrays)


def dump(arrays: dict[str, npt.NDArray[np.generic]]) -> bytes:
    """The file `load` reads; the same arrays give the same bytes."""
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, features=np.array(ngrams.FEATURES), **arrays)
    return out.getvalue()


def _probability(scores: Array, calibration: Array) -> Array:
    odds = np.clip(scores * calibration[0] + calibration[1], -30, 30)
    return np.asarray(1 / (1 + np.exp(-odds)), dtype=np.float32)
