"""Small trained heads: from n-grams and embeddings to one probability per category.

The weights are in `heads/heads.npz`; how they were made, and what they are worth, in `heads/card.md`; slopes,
and from which score on a category counts as found, in `heads/operating.json`.
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

#: Findings below this probability are not worth a word.
FLOOR = 0.3
#: The last column of every score: harmful in any way. It has no probability of its own.
ANY = "*"
#: How much of it every category gets.
OF_ANY = 0.5
#: How much of a part's score is the whole text's.
_OF_WHOLE = 0.3
#: How quickly likeness falls with the angle between two embeddings.
_SHARPNESS = 2.0
_ARRAYS = ("features", "data", "categories", "gram_levels", "gram_scale", "gram_bias", "known", "pull")


class Mode(IntEnum):
    """What a score was made from; each has its own slope and operating point per category."""

    GRAMS = 0
    GRAMS_CHINESE = 1
    FUSED = 2


@dataclass(frozen=True, kw_only=True)
class ClassifierHeads:
    """Weights in memory. Scores have a column per category, in the order of `categories`, and `ANY`."""

    categories: tuple[str, ...]
    #: Hash of the committed examples these were fitted to.
    data_sha256: str
    #: (modes, columns, n-grams): alone in English, in Chinese, beside an embedding; what a level is worth.
    gram_levels: npt.NDArray[np.int8]
    gram_scale: Array
    gram_bias: Array
    #: One row per English example: its embedding in 127 steps, its length not yet one.
    known: npt.NDArray[np.int8]
    #: How far likeness to each example pulls each column up or down.
    pull: Array
    #: (modes, categories): from a score to log-odds; 0.5 is the operating point.
    slopes: Array
    points: Array
    #: Over the weights as numbers; slopes and points are not part of it.
    sha256: str

    @cached_property
    def _by_gram(self) -> npt.NDArray[np.int8]:
        return np.ascontiguousarray(self.gram_levels.transpose(2, 0, 1))

    @cached_property
    def _examples(self) -> Array:
        return unit(self.known)

    @cached_property
    def _examples_across(self) -> Array:
        return np.ascontiguousarray(self._examples.T)

    @cached_property
    def _pulls(self) -> Array:
        return np.ascontiguousarray(self.pull.T)

    def gram_scores(self, text: str) -> Array:
        """Scores of a folded text by its n-grams, a row per mode; the last goes with an embedding's."""
        indices, values = ngrams.features(text)
        levels = self._by_gram[indices].reshape(len(indices), self.gram_scale.size).astype(np.float32)
        raw = (values @ levels).reshape(self.gram_scale.shape)
        return np.asarray(raw * self.gram_scale + self.gram_bias, dtype=np.float32)

    def embedding_scores(self, embeddings: Array) -> Array:
        """Scores by likeness to every example, one row per embedding, to add to the n-grams'."""
        # Row by row: a matrix product would wake a thread for every core, for less than a millisecond's work.
        near = nearness(np.vecdot(self._examples, embeddings[:, None, :]))
        return np.asarray(np.vecdot(self._pulls, near[:, None, :]), dtype=np.float32)

    def gram_worth(self, text: str, mode: Mode, column: int) -> Array:
        """What each character of a folded text adds to a combined score by its n-grams."""
        indices, places = ngrams.placed(text)
        worth = np.zeros(len(text) + 1, dtype=np.float32)
        levels = self.gram_levels[mode][:, indices].astype(np.float32) * self.gram_scale[mode][:, None]
        each = (levels[column] + OF_ANY * levels[-1]) / (places[:, 1] - places[:, 0])
        np.add.at(worth, places[:, 0], each)
        np.add.at(worth, places[:, 1], -each)
        length = np.sqrt(max(len(indices), 1))
        return np.asarray(np.cumsum(worth)[:-1] / length, dtype=np.float32)

    def embedding_worth(self, embedding: Array, words: Array, column: int) -> Array:
        """What each token's row adds to a combined score, seen from the embedding that is their mean."""
        near = _SHARPNESS * nearness(np.vecdot(self._examples, embedding))
        slope = np.vecdot(self._examples_across, near * (self._pulls[column] + OF_ANY * self._pulls[-1]))
        slope = slope - (slope @ embedding) * embedding
        length = max(float(np.linalg.norm(words.sum(axis=0))), 1e-9)
        return np.asarray(words @ slope / length, dtype=np.float32)

    def probabilities(self, scores: Array, mode: Mode) -> Array:
        """From combined scores, without `ANY`, to probabilities."""
        odds = np.clip((scores - self.points[mode]) * self.slopes[mode], -30, 30)
        return np.asarray(1 / (1 + np.exp(-odds)), dtype=np.float32)


def unit(levels: npt.NDArray[np.int8]) -> Array:
    """Rows of length one from rows in steps."""
    rows = levels.astype(np.float32)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), dtype=np.float32)


def nearness(cosines: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """What a cosine between two embeddings counts: 1 where they are the same, falling quickly."""
    return np.exp(_SHARPNESS * (cosines - 1))


def combined(scores: Array) -> Array:
    """Scores with the column `ANY` folded into the others."""
    return np.asarray(scores[..., :-1] + OF_ANY * scores[..., -1:], dtype=np.float32)


def context_features(parts: Array, whole: Array) -> Array:
    """The scores of a text's parts, each with something of the whole text's, and the whole as first row."""
    return np.concatenate([whole[None], (1 - _OF_WHOLE) * parts + _OF_WHOLE * whole])


def load(data: bytes | None = None, operating: Mapping[str, Any] | None = None) -> ClassifierHeads:
    """The shipped heads, or those in `data`. Raises `ValueError` or `KeyError` where it holds no heads.

    Operating points that were chosen for other heads are refused; without any, a probability is what a
    score says.
    """
    if data is None:
        folder = files("safelight.detectors.text") / "weights"
        data = (folder / "heads.npz").read_bytes()
        operating = json.loads((folder / "operating.json").read_text(encoding="utf-8"))
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        arrays = {name: found[name] for name in _ARRAYS}
    if int(arrays["features"]) != ngrams.FEATURES:
        raise ValueError("these heads were trained on other features")
    names = tuple(str(name) for name in arrays["categories"])
    shape = (len(Mode), len(names))
    made = ClassifierHeads(
        categories=names,
        data_sha256=str(arrays["data"]),
        gram_levels=np.asarray(arrays["gram_levels"], dtype=np.int8),
        gram_scale=np.asarray(arrays["gram_scale"], dtype=np.float32),
        gram_bias=np.asarray(arrays["gram_bias"], dtype=np.float32),
        known=np.asarray(arrays["known"], dtype=np.int8),
        pull=np.asarray(arrays["pull"], dtype=np.float32),
        slopes=np.ones(shape, dtype=np.float32),
        points=np.zeros(shape, dtype=np.float32),
        sha256=digest(arrays),
    )
    return made if operating is None else operated(made, operating)


def stored(folder: Path) -> ClassifierHeads:
    """The heads `safelight train` wrote into a folder. Raises like `load`, or `OSError`."""
    operating = json.loads((folder / "operating.json").read_text(encoding="utf-8"))
    return load((folder / "heads.npz").read_bytes(), operating)


def operated(made: ClassifierHeads, operating: Mapping[str, Any]) -> ClassifierHeads:
    """Heads with slopes, whose 0.5 lies at points, by mode and category. Raises `ValueError`, `KeyError`."""
    if operating["heads"] != made.sha256:
        raise ValueError("these operating points were chosen for other heads")
    slopes, points = (
        np.array(
            [[operating[name][mode.name][category] for category in made.categories] for mode in Mode],
            dtype=np.float32,
        )
        for name in ("slopes", "points")
    )
    return replace(made, slopes=slopes, points=points)


def digest(arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    """One hash over the numbers, however they are packed."""
    found = hashlib.sha256()
    for name in _ARRAYS:
        array = np.ascontiguousarray(arrays[name])
        found.update(f"{name} {array.dtype.str} {array.shape}\n".encode() + array.tobytes())
    return found.hexdigest()


def dump(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """The file `load` reads."""
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **{name: arrays[name] for name in _ARRAYS})
    return out.getvalue()
