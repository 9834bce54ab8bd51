"""Cross-modal classifier: reads request, picture and sound as one text, to find content that is harmful
only in combination.

English is scored by the similarity of MiniLM embeddings to those of examples, and by n-grams; Chinese is
scored by n-grams alone. English needs MiniLM. `python -m bench.together_train` writes the weights to
`weights/cross_modal.npz`; docs/benchmarks/together.md has the measured rates.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from . import ngrams
from .chinese import is_mostly_chinese
from .classifiers import Array
from .normalise import normalize_text
from .sketch import Embedder

#: The first column of all scores, which means "harmful in any way".
ANY = "*"
#: `SHARPNESS`: how fast the weight of an example falls with the angle between two embeddings.
#: `EMBEDDING_WEIGHT`: its weight relative to n-grams.
SHARPNESS, EMBEDDING_WEIGHT = 4.0, 4.0
ARRAYS = ("features", "columns", "known", "pull", "levels", "scale", "bias", "points")


@dataclass(frozen=True, kw_only=True)
class CrossModalScores:
    """The result for one clip. `margin` is the score minus the operating point, `category` the category
    with the highest score.
    """

    margin: float
    category: str


@dataclass(frozen=True, kw_only=True)
class CrossModalClassifier:
    """The weights of the classifier. `columns` begins with `ANY`. On axes of size two, index 0 is English
    and index 1 is Chinese.
    """

    columns: tuple[str, ...]
    #: One row per English example: its embedding, quantized to integers from -127 to 127 and not normalised.
    example_levels: npt.NDArray[np.int8]
    #: (columns, examples): by how much similarity to each example raises or lowers a score.
    example_weights: Array
    #: int8 weights with the axes (2, columns, n-grams). Each column has its own scale.
    gram_levels: npt.NDArray[np.int8]
    gram_scale: Array
    gram_bias: Array
    points: Array

    @cached_property
    def _examples(self) -> Array:
        return unit_rows(self.example_levels)

    def classify(
        self, described: str, wordings: Sequence[str], embedder: Embedder | None
    ) -> CrossModalScores | None:
        """Classify a clip that is `described` in one sentence. `wordings` are other sentences for the same
        content.

        Returns None if the clip cannot be classified, because the text is English and has no embedding.
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
        """One score per column. A text without an embedding is scored with the weights for Chinese."""
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


def unit_rows(levels: npt.NDArray[np.int8]) -> Array:
    """Unit-length rows from quantized rows."""
    rows = levels.astype(np.float32)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), dtype=np.float32)


def similarity_weight(cosines: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Weight of an example from the cosine of two embeddings."""
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


@cache
def shipped() -> CrossModalClassifier:
    """The shipped classifier. Its file is read once."""
    return load((files("safelight.detectors.text") / "weights" / "cross_modal.npz").read_bytes())
