"""Cross-modal classifier: request, picture and sound as one text, for content that is harmful only in
combination.

Scores come from similarity of MiniLM embeddings to those of examples, and from n-grams; for Chinese from
n-grams alone. English needs MiniLM. The weights are in `weights/cross_modal.npz`, written by `python -m
bench.together_train`; docs/benchmarks/together.md has the measured rates.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from . import classifiers, ngrams
from .chinese import is_mostly_chinese
from .classifiers import Array
from .normalise import normalize_text
from .sketch import Embedder

#: The first column of every score: harmful in any way.
ANY = "*"
#: How fast the similarity weight falls with the angle between two embeddings, and its weight against n-grams.
SHARPNESS, EMBEDDING_WEIGHT = 4.0, 4.0
ARRAYS = ("features", "columns", "known", "pull", "levels", "scale", "bias", "points")


@dataclass(frozen=True, kw_only=True)
class CrossModalScores:
    """The result for one clip: score above the operating point, and the most similar category."""

    margin: float
    category: str


@dataclass(frozen=True, kw_only=True)
class CrossModalClassifier:
    """Weights; `columns` begins with `ANY`. Axes of size two are English and Chinese."""

    columns: tuple[str, ...]
    #: One row per English example: its embedding, quantized to 127 steps each way and not normalised.
    example_levels: npt.NDArray[np.int8]
    #: (columns, examples): how much similarity to each example raises or lowers a score.
    example_weights: Array
    #: (2, columns, n-grams): int8 weights; each column has a scale.
    gram_levels: npt.NDArray[np.int8]
    gram_scale: Array
    gram_bias: Array
    points: Array

    @cached_property
    def _examples(self) -> Array:
        return classifiers.unit_rows(self.example_levels)

    def classify(
        self, described: str, wordings: Sequence[str], embedder: Embedder | None
    ) -> CrossModalScores | None:
        """Classify a clip `described` in one sentence, with other `wordings` of the same content.

        None if it cannot be classified: English without an embedder.
        """
        folded = normalize_text(described)
        chinese = is_mostly_chinese(folded)
        embedding = None if chinese else mean_embedding([folded, *map(normalize_text, wordings)], embedder)
        if not chinese and embedding is None:
            return None
        scores = self.scores(folded, embedding)
        return CrossModalScores(
            margin=float(scores[0] - self.points[int(chinese)]),
            category=self.columns[1 + int(np.argmax(scores[1:]))],
        )

    def scores(self, folded: str, embedding: Array | None) -> Array:
        """One score per column. Without an embedding the text is scored as Chinese."""
        script = int(embedding is None)
        indices, values = ngrams.features(folded[: 4 * ngrams.WINDOW_CHARS])
        levels = self.gram_levels[script][:, indices].astype(np.float32)
        found = levels @ values * self.gram_scale[script] + self.gram_bias[script]
        if embedding is not None:
            similarity = similarity_weight(np.vecdot(self._examples, embedding))
            found = found + np.vecdot(self.example_weights, similarity)
        return np.asarray(found, dtype=np.float32)


def mean_embedding(folded: Sequence[str], embedder: Embedder | None) -> Array | None:
    """The unit-length mean of the texts' embeddings; None if no text has one."""
    if embedder is None:
        return None
    known = {text: embedder(text) for text in dict.fromkeys(folded)}
    rows = [row for row in (known[text] for text in folded) if row is not None]
    if not rows:
        return None
    mean = np.sum(rows, axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), dtype=np.float32)


def similarity_weight(cosines: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Weight of an example by the cosine of two embeddings."""
    return EMBEDDING_WEIGHT * np.exp(SHARPNESS * (cosines - 1))


def load(data: bytes) -> CrossModalClassifier:
    """Load a file that `dump` made. Raises `ValueError` or `KeyError` for invalid data."""
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        arrays = {name: found[name] for name in ARRAYS}
    if int(arrays["features"]) != ngrams.FEATURES:
        raise ValueError("this classifier was trained on another version of the n-gram features")
    return CrossModalClassifier(
        columns=tuple(str(name) for name in arrays["columns"]),
        example_levels=np.asarray(arrays["known"], dtype=np.int8),
        example_weights=np.asarray(arrays["pull"], dtype=np.float32),
        gram_levels=np.asarray(arrays["levels"], dtype=np.int8),
        gram_scale=np.asarray(arrays["scale"], dtype=np.float32),
        gram_bias=np.asarray(arrays["bias"], dtype=np.float32),
        points=np.asarray(arrays["points"], dtype=np.float32),
    )


def dump(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Encode arrays into the file that `load` reads."""
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **{name: arrays[name] for name in ARRAYS})
    return out.getvalue()


@lru_cache(maxsize=1)
def shipped() -> CrossModalClassifier:
    """The shipped classifier; read once."""
    return load((files("safelight.detectors.text") / "weights" / "cross_modal.npz").read_bytes())
