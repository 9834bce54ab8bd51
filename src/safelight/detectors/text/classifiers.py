"""Text classifiers: one multinomial model per voice, with a shared class for harmless text.

`weights/classifiers.npz` contains the models, `weights/operating.json` their operating points, and
`weights/card.md` describes training and measured quality. A voice is a way to read a text (its words, or the
meaning of a sentence) together with the examples of its training.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from safelight.policy.findings import Category, OperatingPoint

from .word_grams import FEATURES, Gram, Vocabulary, hash_grams

Array: TypeAlias = npt.NDArray[np.float32]

#: The name of the file with the models.
FILE = "classifiers.npz"
#: The first class of every model: none of the others.
NONE = "none"
#: A class that only serves to be distinguished from `self-harm`: people in distress get help from the
#: detector `distress`.
NO_FINDING = frozenset({Category.SELF_HARM_INTENT.value})
#: A text of the first category (key) is also one of the second (value).
_ADDED_TO = {Category.VIOLENCE_GRAPHIC.value: Category.VIOLENCE.value}
#: Names of the models in the file, and the voice of each. A finding on English words alone is no second
#: opinion beside one on words and embedding.
VOICES: Mapping[str, str] = {
    "english": "english",
    "english-words": "english",
    "zh-words": "zh-words",
    "zh-glosses": "zh-glosses",
}
_ARRAYS = ("classes", "hashes", "rarity", "levels", "scale", "embedding", "bias")


@dataclass(frozen=True, kw_only=True)
class VoiceClassifier:
    """A multinomial logistic model on n-grams, and on an embedding if it has weights for one."""

    classes: tuple[str, ...]
    vocabulary: Vocabulary
    #: int8 weights with the axes (n-grams, classes). Each class has its own scale.
    gram_levels: npt.NDArray[np.int8]
    gram_scale: Array
    #: (size of the embedding, classes); no rows if the model reads no embedding.
    embedding_weights: Array
    bias: Array

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> VoiceClassifier:
        """The model of these arrays. Raises `KeyError` if one is missing."""
        return cls(
            classes=tuple(str(one) for one in arrays["classes"]),
            vocabulary=Vocabulary(
                hashes=arrays["hashes"].astype(np.uint32), rarity=arrays["rarity"].astype(np.float32)
            ),
            gram_levels=arrays["levels"].astype(np.int8),
            gram_scale=arrays["scale"].astype(np.float32),
            embedding_weights=arrays["embedding"].astype(np.float32),
            bias=arrays["bias"].astype(np.float32),
        )

    @cached_property
    def categories(self) -> tuple[str, ...]:
        """The columns of `log_odds`."""
        return tuple(name for name in self.classes if name != NONE and name not in NO_FINDING)

    def log_odds(self, grams: Sequence[npt.NDArray[np.uint32]], embeddings: Array) -> Array:
        """Log-odds of each category, one row per text, from its hashed n-grams and its embedding."""
        scores = embeddings @ self.embedding_weights + self.bias
        for row, hashed in zip(scores, grams, strict=True):
            columns, values = self.vocabulary.vector_of(hashed)
            row += values @ self.gram_levels[columns].astype(np.float32) * self.gram_scale
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        for name, parent in _ADDED_TO.items():
            if name in self.classes and parent in self.classes:
                shares[:, self.classes.index(parent)] += shares[:, self.classes.index(name)]
        shares = np.clip(shares[:, [self.classes.index(name) for name in self.categories]], 1e-7, 1 - 1e-7)
        return np.asarray(np.log(shares / (1 - shares)), dtype=np.float32)

    def gram_contributions(self, grams: Sequence[Gram], category: str, length: int) -> Array:
        """By how much each character of a text raises a category against harmless text, through n-grams."""
        hashed = hash_grams(grams)
        columns, positions = self.vocabulary.find(hashed)
        found = np.zeros(length, dtype=np.float32)
        weights = self.gram_levels[columns].astype(np.float32) * self.gram_scale
        worth = (weights[:, self.classes.index(category)] - weights[:, 0]) * self.vocabulary.rarity[columns]
        for position, value in zip(positions.tolist(), worth.tolist(), strict=True):
            _gram, start, end = grams[position]
            found[start:end] += value / (end - start)
        return found / np.float32(self.vocabulary.divisor(hashed))

    def embedding_contributions(self, tokens: Array, category: str) -> Array:
        """By how much each token raises a category against harmless text, through the embedding."""
        weights = self.embedding_weights[:, self.classes.index(category)] - self.embedding_weights[:, 0]
        return np.asarray(tokens @ weights / max(float(np.linalg.norm(tokens.sum(axis=0))), 1e-9))


class CategoryPoint(msgspec.Struct, frozen=True, kw_only=True):
    """The operating point of a category, and the log-odds at which it is reached."""

    category: str
    threshold: float
    point: OperatingPoint


class OperatingPoints(msgspec.Struct, frozen=True, kw_only=True):
    """The content of `operating.json`: the points of each model."""

    classifiers: str
    #: The sources of the harmless texts on which the points were chosen, with the number of texts.
    chosen_on: dict[str, int]
    points: dict[str, list[CategoryPoint]]


class ClassifierSet:
    """The models of a file, each read when it is first used, and their operating points."""

    def __init__(self, data: bytes, operating: OperatingPoints | None = None) -> None:
        self._file = np.load(io.BytesIO(data), allow_pickle=False)
        if int(self._file["features"]) != FEATURES:
            raise ValueError("these classifiers were trained on another version of the n-gram features")
        #: Hash of the file.
        self.sha256 = hashlib.sha256(data).hexdigest()
        if operating is not None and operating.classifiers != self.sha256:
            raise ValueError("these operating points were chosen for other classifiers")
        self._operating = operating
        self._read: dict[str, VoiceClassifier] = {}

    @cached_property
    def version(self) -> str:
        """Eight characters that change if the models or the operating points change."""
        operating = b"" if self._operating is None else msgspec.json.encode(self._operating)
        return hashlib.sha256(self.sha256.encode() + operating).hexdigest()[:8]

    @cached_property
    def data_sha256(self) -> str:
        """Hash of the committed training examples."""
        return str(self._file["data"])

    @cached_property
    def frequent_english(self) -> npt.NDArray[np.uint32]:
        """Sorted hashes of frequent English words."""
        return np.asarray(self._file["frequent-english"], dtype=np.uint32)

    def model(self, name: str) -> VoiceClassifier:
        """One of the models. Raises `KeyError` if the file does not have it."""
        if name not in self._read:
            self._read[name] = VoiceClassifier.from_arrays(
                {part: self._file[f"{name}/{part}"] for part in _ARRAYS}
            )
        return self._read[name]

    def points(self, name: str) -> Mapping[tuple[str, str], Mapping[str, CategoryPoint]]:
        """The points of a model: by language and length, then by category."""
        found: dict[tuple[str, str], dict[str, CategoryPoint]] = {}
        for one in () if self._operating is None else self._operating.points.get(name, ()):
            found.setdefault((one.point.language, one.point.length), {})[one.category] = one
        return found


def load(folder: Path | None = None) -> ClassifierSet:
    """The shipped classifiers, or those that `safelight train` wrote into a folder.

    Raises `ValueError`, `KeyError` or `OSError` for invalid files.
    """
    place: Any = files("safelight.detectors.text") / "weights" if folder is None else folder
    operating = msgspec.json.decode((place / "operating.json").read_bytes(), type=OperatingPoints)
    return ClassifierSet((place / FILE).read_bytes(), operating)


def dump(
    models: Mapping[str, Mapping[str, npt.NDArray[Any]]],
    frequent_english: npt.NDArray[np.uint32],
    data_sha256: str,
) -> bytes:
    """Encode the arrays of all models into the file that `ClassifierSet` reads."""
    out = io.BytesIO()
    arrays = {f"{name}/{part}": model[part] for name, model in models.items() for part in _ARRAYS}
    np.savez_compressed(
        out,
        allow_pickle=False,
        **arrays,
        **{
            "features": np.array(FEATURES),
            "data": np.array(data_sha256),
            "frequent-english": frequent_english,
        },
    )
    return out.getvalue()
