"""Detects distress of the writer, or of a person whom the writer knows. The findings make policies offer help
lines; they never block a request.

The rules in `compositions/distress.yaml` match statements. With the weights of both encoders, a classifier
also judges the meaning of a text (`meaning`). Another one reads the n-grams of texts in the first
person of four words or more: a place or a sad scene is no sign of distress. It decides where the meaning is
not read, and where it is a little below the operating point.
"""

from __future__ import annotations

import hashlib
import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol, TypeAlias

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

VERSION = "4"
#: Score of a learned finding at its operating point: policies offer help from this score. No learned finding
#: scores `MAX_SCORE` or more.
SCORE, MAX_SCORE = 0.4, 0.49
#: A statement of despair that a rule found is no finding if the log-odds of the meaning of the text are this
#: much below the operating point: such words are in many harmless texts too.
MAX_DOUBT = 4.0
#: What the classifier of n-grams finds is a finding down to this much below that operating point.
MAX_WORD_DOUBT = 0.3
#: The ranges of the number of words that are judged: four words or more.
JUDGED_LENGTHS = LENGTHS[1:]
_FIRST_PERSON = re.compile(r"\b(?:i|i'?m|i'?ve|i'?ll|i'?d|im|ive|me|my|mine|myself)\b|我|俺|本人")


@dataclass(frozen=True, kw_only=True)
class LinearModel:
    """A linear classifier of one language on n-grams."""

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
                return None if excess < 0 else (score_of(excess, at=SCORE, most=MAX_SCORE), point)
        return None


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The place of a text that most resembles those of people in distress."""

    #: By how much its log-odds exceed the operating point; negative below it.
    excess: float
    span: TextSpan
    point: OperatingPoint


class Meaning(Protocol):
    """Judges the meaning of a text; None if it cannot be read."""

    @property
    def version(self) -> str: ...
    def judge(self, content: TextContent) -> Judgement | None: ...


class DistressDetector:
    """Finds statements of distress by rules, and texts that resemble them by a classifier: of their meaning,
    if its weights are installed and the text has a language that it reads.
    """

    name = "distress"

    def __init__(
        self,
        compositions: CompositionList,
        classifier: DistressClassifier,
        meaning: Meaning | None = None,
    ) -> None:
        self._rules = CompositionDetector(
            compositions, name=self.name, categories=[Category.SELF_HARM_INTENT.value]
        )
        self._classifier = classifier
        self._meaning = meaning
        self.version = f"{VERSION}+{classifier.sha256[:8]}"
        if meaning:
            self.version += f".{meaning.version}"
        self.capabilities = self._rules.capabilities

    def inspect_text(self, content: TextContent) -> Iterable[Finding]:
        """The findings of the rules; if there is none, at most one finding of a classifier."""
        found = list(self._rules.inspect_text(content))
        judged = self._meaning.judge(content) if self._meaning else None
        if judged is None:
            return found or list(self._by_words(content))
        if judged.excess < -MAX_DOUBT:
            found = [one for one in found if one.score > SCORE]
        if found or judged.excess < -MAX_WORD_DOUBT:
            return found
        if judged.excess < 0:
            return list(self._by_words(content))
        return [self._finding(score_of(judged.excess, at=SCORE, most=MAX_SCORE), judged.span, judged.point)]

    def _by_words(self, content: TextContent) -> Iterator[Finding]:
        for view in final_views(content.views):
            judged = self._classifier.judge(view.text, locale_of(content.text))
            if judged is not None:
                start, end = view.span(0, len(view.text))
                yield self._finding(judged[0], TextSpan(field=content.field, start=start, end=end), judged[1])
                return

    def _finding(self, score: float, span: TextSpan, point: OperatingPoint) -> Finding:
        return Finding(
            category=Category.SELF_HARM_INTENT.value,
            score=score,
            modality=Modality.TEXT,
            detector=self.name,
            version=self.version,
            reason="The words resemble those of people in distress.",
            evidence=(span,),
            basis=Basis.LEARNED,
            point=point,
        )


def is_first_person(text: str) -> bool:
    """Whether a folded text speaks in the first person."""
    return _FIRST_PERSON.search(text) is not None


def model_of(text: str) -> str:
    """The name of the model that reads this text."""
    return "zh" if is_mostly_chinese(text) else "en"


def grams_of(text: str) -> tuple[list[word_grams.Gram], int]:
    """The n-grams of words and of characters of a folded text, and its number of words. Characters also match
    slang, inflections and words that are written apart.
    """
    if model_of(text) == "zh":
        grams = [*word_grams.chinese_grams(text), *_character_grams(text, (1,))]
        return grams, len(word_grams.chinese_words(text))
    grams = [*word_grams.english_grams(text), *_character_grams(text, (3, 4, 5))]
    return grams, len(word_grams.english_words(text))


def _character_grams(text: str, sizes: Sequence[int]) -> Iterator[word_grams.Gram]:
    # The mark keeps a run of letters apart from a word with the same letters.
    return (
        (f"#{text[start : start + size]}", start, start + size)
        for size in sizes
        for start in range(len(text) - size + 1)
    )


def load(data: bytes | None = None) -> DistressClassifier:
    """Load the shipped classifier, or the one in `data`. Raises `ValueError` or `KeyError` for invalid
    data.
    """
    if data is None:
        data = (files("safelight.detectors.text") / "weights" / "distress.npz").read_bytes()
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        return DistressClassifier(
            models=linear_models(found),
            points=msgspec.json.decode(found["points"].tobytes(), type=tuple[OperatingPoint, ...]),
            thresholds=tuple(found["thresholds"].tolist()),
            sha256=hashlib.sha256(data).hexdigest(),
        )


def linear_models(found: Mapping[str, npt.NDArray[Any]]) -> dict[str, LinearModel]:
    """The models of both languages in a file. Raises `ValueError` or `KeyError` for invalid data."""
    if int(found["features"]) != word_grams.FEATURES:
        raise ValueError("this classifier was trained on another version of the n-gram features")
    return {
        name: LinearModel(
            vocabulary=word_grams.Vocabulary(
                hashes=found[f"{name}_hashes"], rarity=found[f"{name}_rarity"].astype(np.float32)
            ),
            weights=found[f"{name}_weights"].astype(np.float32),
            bias=float(found[f"{name}_bias"]),
        )
        for name in ("en", "zh")
    }


def load_folder(folder: str | None) -> DistressClassifier:
    """Load the classifier that `safelight train` wrote into a folder. If there is none, load the shipped
    classifier.
    """
    path = Path(folder) / "distress.npz" if folder else None
    return load(path.read_bytes() if path is not None and path.exists() else None)


def score_of(excess: float, *, at: float, most: float) -> float:
    """The score of log-odds this much above the threshold, where it is `at`; at most `most`."""
    return min(round(1 / (1 + math.exp(-excess) * (1 - at) / at), 3), most)
