"""Text classifiers: weights that map n-grams and embeddings to one probability per category.

`weights/classifiers.npz` contains the weights, `weights/card.md` describes their training and measured
quality, and `weights/operating.json` contains the slopes and operating points per category.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from . import ngrams

Array: TypeAlias = npt.NDArray[np.float32]

#: Findings below this probability are not reported.
MIN_SCORE = 0.3
#: The last column of all scores, which means "harmful in any way". It is not converted to a probability.
ANY = "*"
#: Fraction of the `ANY` score that is added to every category.
ANY_WEIGHT = 0.5
#: Fraction of a window's score that comes from the whole text.
_WHOLE_TEXT_WEIGHT = 0.3
#: The higher this value, the faster the weight of an example falls with the angle between two embeddings.
_SHARPNESS = 2.0
_ARRAYS = ("features", "data", "categories", "gram_levels", "gram_scale", "gram_bias", "known", "pull")


class Mode(IntEnum):
    """The input from which a score is computed. Each mode has its own slope and operating point per
    category.
    """

    GRAMS = 0
    GRAMS_CHINESE = 1
    FUSED = 2


@dataclass(frozen=True, kw_only=True)
class CategoryClassifiers:
    """One classifier per category. Scores have a column for each category, in the order of `categories`,
    and a last column `ANY`.
    """

    categories: tuple[str, ...]
    #: Hash of the committed training examples.
    data_sha256: str
    #: int8 weights with the axes (modes, columns, n-grams). The modes are English n-grams alone, Chinese
    #: n-grams alone, and English n-grams with an embedding. Each column has its own scale.
    gram_levels: npt.NDArray[np.int8]
    gram_scale: Array
    gram_bias: Array
    #: One row per English example: its embedding, quantized to integers from -127 to 127 and not normalised.
    example_levels: npt.NDArray[np.int8]
    #: (columns, examples): by how much similarity to each example raises or lowers a score.
    example_weights: Array
    #: (modes, categories): `slopes` converts a score to log-odds; `points` is the score at which the
    #: probability is 0.5.
    slopes: Array
    points: Array
    #: Hash of the weights only, without slopes and operating points.
    sha256: str

    @cached_property
    def _by_gram(self) -> npt.NDArray[np.int8]:
        return np.ascontiguousarray(self.gram_levels.transpose(2, 0, 1))

    @cached_property
    def _examples(self) -> Array:
        return unit_rows(self.example_levels)

    @cached_property
    def _examples_across(self) -> Array:
        return np.ascontiguousarray(self._examples.T)

    @cached_property
    def _weights_by_example(self) -> Array:
        return np.ascontiguousarray(self.example_weights.T)

    def gram_scores(self, text: str) -> Array:
        """Scores of a folded text from its n-grams, one row per mode. The row `Mode.FUSED` is meant to be
        added to the scores of an embedding.
        """
        indices, values = ngrams.features(text)
        levels = self._by_gram[indices].reshape(len(indices), self.gram_scale.size).astype(np.float32)
        raw = (values @ levels).reshape(self.gram_scale.shape)
        return np.asarray(raw * self.gram_scale + self.gram_bias, dtype=np.float32)

    def embedding_scores(self, embeddings: Array) -> Array:
        """Scores from the similarity to every example, one row per embedding. They are meant to be added
        to the n-gram scores.
        """
        # Computed row by row, because a matrix product would start a thread on every core for less than a
        # millisecond of work.
        similarity = similarity_weight(np.vecdot(self._examples, embeddings[:, None, :]))
        return np.asarray(np.vecdot(self._weights_by_example, similarity[:, None, :]), dtype=np.float32)

    def gram_contributions(self, text: str, mode: Mode, column: int) -> Array:
        """By how much each character of a folded text raises a category's score through its n-grams."""
        indices, places = ngrams.features_with_spans(text)
        contributions = np.zeros(len(text) + 1, dtype=np.float32)
        levels = self.gram_levels[mode][:, indices].astype(np.float32) * self.gram_scale[mode][:, None]
        each = (levels[column] + ANY_WEIGHT * levels[-1]) / (places[:, 1] - places[:, 0])
        np.add.at(contributions, places[:, 0], each)
        np.add.at(contributions, places[:, 1], -each)
        length = np.sqrt(max(len(indices), 1))
        return np.asarray(np.cumsum(contributions)[:-1] / length, dtype=np.float32)

    def embedding_contributions(self, embedding: Array, words: Array, column: int) -> Array:
        """By how much each token raises a category's score through the embedding.

        This is the gradient of the score at the embedding, because the embedding is the mean of the tokens.
        """
        similarity = _SHARPNESS * similarity_weight(np.vecdot(self._examples, embedding))
        slope = np.vecdot(
            self._examples_across,
            similarity * (self._weights_by_example[column] + ANY_WEIGHT * self._weights_by_example[-1]),
        )
        slope = slope - (slope @ embedding) * embedding
        length = max(float(np.linalg.norm(words.sum(axis=0))), 1e-9)
        return np.asarray(words @ slope / length, dtype=np.float32)

    def probabilities(self, scores: Array, mode: Mode) -> Array:
        """Probabilities from scores to which the `ANY` column was already added."""
        odds = np.clip((scores - self.points[mode]) * self.slopes[mode], -30, 30)
        return np.asarray(1 / (1 + np.exp(-odds)), dtype=np.float32)


def unit_rows(levels: npt.NDArray[np.int8]) -> Array:
    """Unit-length rows from quantized rows."""
    rows = levels.astype(np.float32)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), dtype=np.float32)


def similarity_weight(cosines: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Weight of an example from the cosine of two embeddings. It is 1 for equal embeddings and falls
    exponentially.
    """
    return np.exp(_SHARPNESS * (cosines - 1))


def add_any_score(scores: Array) -> Array:
    """Scores without the column `ANY`, after a fraction of it was added to each other column."""
    return np.asarray(scores[..., :-1] + ANY_WEIGHT * scores[..., -1:], dtype=np.float32)


def blend_whole_text(parts: Array, whole: Array) -> Array:
    """The whole text's scores as the first row, then the scores of each window blended with those of the
    whole text.
    """
    return np.concatenate([whole[None], (1 - _WHOLE_TEXT_WEIGHT) * parts + _WHOLE_TEXT_WEIGHT * whole])


def load(data: bytes | None = None, operating: Mapping[str, Any] | None = None) -> CategoryClassifiers:
    """Load the shipped classifiers, or those in `data`. Raises `ValueError` or `KeyError` for invalid
    data.

    Also raises if the operating points were chosen for other weights. Without `operating`, slopes are 1 and
    points are 0.
    """
    if data is None:
        folder = files("safelight.detectors.text") / "weights"
        data = (folder / "classifiers.npz").read_bytes()
        operating = json.loads((folder / "operating.json").read_text(encoding="utf-8"))
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        arrays = {name: found[name] for name in _ARRAYS}
    if int(arrays["features"]) != ngrams.FEATURES:
        raise ValueError("these classifiers were trained on another version of the n-gram features")
    names = tuple(str(name) for name in arrays["categories"])
    shape = (len(Mode), len(names))
    made = CategoryClassifiers(
        categories=names,
        data_sha256=str(arrays["data"]),
        gram_levels=np.asarray(arrays["gram_levels"], dtype=np.int8),
        gram_scale=np.asarray(arrays["gram_scale"], dtype=np.float32),
        gram_bias=np.asarray(arrays["gram_bias"], dtype=np.float32),
        example_levels=np.asarray(arrays["known"], dtype=np.int8),
        example_weights=np.asarray(arrays["pull"], dtype=np.float32),
        slopes=np.ones(shape, dtype=np.float32),
        points=np.zeros(shape, dtype=np.float32),
        sha256=digest(arrays),
    )
    return made if operating is None else with_operating_points(made, operating)


def load_folder(folder: Path) -> CategoryClassifiers:
    """Load the classifiers that `safelight train` wrote into a folder. Raises the errors of `load`, or
    `OSError`.
    """
    operating = json.loads((folder / "operating.json").read_text(encoding="utf-8"))
    return load((folder / "classifiers.npz").read_bytes(), operating)


def with_operating_points(
    classifiers: CategoryClassifiers, operating: Mapping[str, Any]
) -> CategoryClassifiers:
    """The classifiers with these slopes and operating points. Raises `ValueError` or `KeyError`."""
    if operating["classifiers"] != classifiers.sha256:
        raise ValueError("these operating points were chosen for other classifiers")
    slopes, points = (
        np.array(
            [[operating[name][mode.name][category] for category in classifiers.categories] for mode in Mode],
            dtype=np.float32,
        )
        for name in ("slopes", "points")
    )
    return replace(classifiers, slopes=slopes, points=points)


def digest(arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    """One hash over the arrays, independent of their compression."""
    found = hashlib.sha256()
    for name in _ARRAYS:
        array = np.ascontiguousarray(arrays[name])
        found.update(f"{name} {array.dtype.str} {array.shape}\n".encode() + array.tobytes())
    return found.hexdigest()


def dump(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Encode arrays into the file that `load` reads."""
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **{name: arrays[name] for name in _ARRAYS})
    return out.getvalue()
