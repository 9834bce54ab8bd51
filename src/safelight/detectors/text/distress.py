"""Detects distress of the writer, or of a person whom the writer knows. The findings make policies offer help
lines; they never block a request.

The rules in `compositions/distress.yaml` match statements. A classifier also reads texts of four words or
more, but only if they are in the first person: a place or a sad scene is no sign of distress.
"""

from __future__ import annotations

import hashlib
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from safelight.detectors.protocol import TextContent
from safelight.policy.findings import Basis, Category, Finding, Modality, OperatingPoint, TextSpan

from . import word_grams
from .chinese import is_mostly_chinese, locale_of
from .compositions import CompositionDetector, CompositionList
from .languages import LENGTHS, length_of
from .normalise import final_views

Array: TypeAlias = npt.NDArray[np.float32]

VERSION = "2"
#: Score of a learned finding at its operating point: policies offer help from this score. No learned finding
#: scores `MAX_SCORE` or more.
SCORE, MAX_SCORE = 0.4, 0.49
#: The ranges of the number of words that are judged: four words or more.
JUDGED_LENGTHS = LENGTHS[1:]
_FIRST_PERSON = re.compile(r"\b(?:i|i'?m|i'?ve|i'?ll|i'?d|im|ive|me|my|mine|myself)\b|我|俺|本人")


@dataclass(frozen=True, kw_only=True)
class LinearModel:
    """A linear classifier of one language on n-grams of words."""

    vocabulary: word_grams.Vocabulary
    weights: Array
    bias: float

    def log_odds(self, grams: Sequence[word_grams.Gram]) -> float:
        """Uncalibrated log-odds of distress."""
        columns, values = self.vocabulary.vector(grams)
        return float(values @ self.weights[columns]) + self.bias


@dataclass(frozen=True, kw_only=True)
class DistressClassifier:
    """One linear model for English and one for Chinese, with operating points by language and length."""

    models: Mapping[str, LinearModel]
    points: tuple[OperatingPoint, ...]
    #: For each operating point, the lowest log-odds that are reported.
    thresholds: tuple[float, ...]
    sha256: str

    def judge(self, text: str, language: str) -> tuple[float, OperatingPoint] | None:
        """The score of a folded text and its operating point; nothing if the text is not in the first
        person, is too short or does not reach the operating point.
        """
        if not is_first_person(text):
            return None
        grams, words = grams_of(text)
        key = (language, length_of(words))
        for point, threshold in zip(self.points, self.thresholds, strict=True):
            if (point.language, point.length) == key:
                excess = self.models[model_of(text)].log_odds(grams) - threshold
                return None if excess < 0 else (_score(excess), point)
        return None


class DistressDetector:
    """Finds statements of distress by rules, and texts that resemble them by a classifier."""

    def __init__(
        self, compositions: CompositionList, classifier: DistressClassifier, *, name: str = "distress"
    ) -> None:
        self.name = name
        self._rules = CompositionDetector(
            compositions, name=name, categories=[Category.SELF_HARM_INTENT.value]
        )
        self._classifier = classifier
        self.version = f"{VERSION}+{classifier.sha256[:8]}"
        self.capabilities = self._rules.capabilities

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        """The findings of the rules; if there is none, at most one finding of the classifier."""
        found = list(self._rules.inspect_text(content))
        return (
            found
            or [
                Finding(
                    category=Category.SELF_HARM_INTENT.value,
                    score=judged[0],
                    modality=Modality.TEXT,
                    detector=self.name,
                    version=self.version,
                    reason="The words resemble those of people in distress.",
                    evidence=(_whole(content, view.span(0, len(view.text))),),
                    basis=Basis.LEARNED,
                    point=judged[1],
                )
                for view in final_views(content.views)
                if (judged := self._classifier.judge(view.text, locale_of(content.text))) is not None
            ][:1]
        )


def is_first_person(text: str) -> bool:
    """Whether a folded text speaks in the first person."""
    return _FIRST_PERSON.search(text) is not None


def model_of(text: str) -> str:
    """The name of the model that reads this text."""
    return "zh" if is_mostly_chinese(text) else "en"


def grams_of(text: str) -> tuple[list[word_grams.Gram], int]:
    """The n-grams of a folded text, and its number of words."""
    if model_of(text) == "zh":
        return word_grams.chinese_grams(text), len(word_grams.chinese_words(text))
    return word_grams.english_grams(text), len(word_grams.english_words(text))


def load(data: bytes | None = None) -> DistressClassifier:
    """Load the shipped classifier, or the one in `data`. Raises `ValueError` or `KeyError` for invalid
    data.
    """
    if data is None:
        data = (files("safelight.detectors.text") / "weights" / "distress.npz").read_bytes()
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        if int(found["features"]) != word_grams.FEATURES:
            raise ValueError("this classifier was trained on another version of the n-gram features")
        return DistressClassifier(
            models={
                name: LinearModel(
                    vocabulary=word_grams.Vocabulary(
                        hashes=found[f"{name}_hashes"], rarity=found[f"{name}_rarity"].astype(np.float32)
                    ),
                    weights=found[f"{name}_weights"].astype(np.float32),
                    bias=float(found[f"{name}_bias"]),
                )
                for name in ("en", "zh")
            },
            points=msgspec.json.decode(found["points"].tobytes(), type=tuple[OperatingPoint, ...]),
            thresholds=tuple(found["thresholds"].tolist()),
            sha256=hashlib.sha256(data).hexdigest(),
        )


def load_folder(folder: str | None) -> DistressClassifier:
    """Load the classifier that `safelight train` wrote into a folder. If there is none, load the shipped
    classifier.
    """
    path = Path(folder) / "distress.npz" if folder else None
    return load(path.read_bytes() if path is not None and path.exists() else None)


def _score(excess: float) -> float:
    """The score of log-odds that exceed the threshold by this much."""
    return min(round(1 / (1 + math.exp(-excess) * (1 - SCORE) / SCORE), 3), MAX_SCORE)


def _whole(content: TextContent, span: tuple[int, int]) -> TextSpan:
    return TextSpan(field=content.field, start=span[0], end=span[1])
