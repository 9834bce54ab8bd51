"""Trains the distress classifier. Needs scikit-learn, which an ordinary installation does not need."""

from __future__ import annotations

import importlib
import io
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from safelight.detectors.text.chinese import locale_of
from safelight.detectors.text.distress import (
    JUDGED_LENGTHS,
    SCORE,
    Array,
    grams_of,
    is_first_person,
    model_of,
)
from safelight.detectors.text.languages import length_of
from safelight.detectors.text.normalise import normalize_text
from safelight.detectors.text.word_grams import FEATURES, Gram, Vocabulary, hash_gram
from safelight.policy.findings import Category, OperatingPoint
from safelight.policy.statistics import wilson

from .training_data import Example

#: Largest share of harmless texts for which the classifier may offer help: it stops nothing, so a line too
#: many costs little and a missing one much. The share is larger for twins, which have the words of a text of
#: distress on purpose.
BUDGET, TWIN_BUDGET = 0.005, 0.12
#: The kind of the examples of distress and of their harmless twins.
TWIN_KIND = "distress"
FOLDS = 5
#: An n-gram is a feature if this many texts contain it.
_MIN_TEXTS = 2


def fit(examples: Sequence[Example]) -> bytes:
    """Train on all examples, and return the file that `distress.load` reads.

    The operating points are chosen on harmless examples: each is scored by a model that has not seen its
    family. The result is the same for every run on the same kind of machine.
    """
    arrays: dict[str, Any] = {"features": np.array(FEATURES)}
    points: list[OperatingPoint] = []
    thresholds: list[float] = []
    for name in ("en", "zh"):
        texts = [_Text.of(one) for one in examples if model_of(normalize_text(one.text)) == name]
        scores = _unseen_scores(texts)
        scored = [(text, score) for text, score in zip(texts, scores, strict=True) if text.harmless]
        harmless = [(text, score) for text, score in scored if not text.twin]
        twins = [(text, score) for text, score in scored if text.twin]
        lowest = max(_threshold(harmless, BUDGET), _threshold(twins, TWIN_BUDGET))
        for language in sorted({text.language for text in texts}):
            for length in JUDGED_LENGTHS:
                here = [
                    (text, score)
                    for text, score in harmless
                    if (text.language, text.length) == (language, length)
                ]
                thresholds.append(max(lowest, _threshold(here, BUDGET)))
                points.append(_point(language, length, here, thresholds[-1]))
        vocabulary, weights, bias = _fit_texts(texts)
        arrays |= {
            f"{name}_hashes": vocabulary.hashes,
            f"{name}_rarity": vocabulary.rarity.astype(np.float16),
            f"{name}_weights": weights.astype(np.float16),
            f"{name}_bias": np.array(bias, dtype=np.float32),
        }
    arrays["points"] = np.frombuffer(msgspec.json.encode(points), dtype=np.uint8)
    arrays["thresholds"] = np.array(thresholds, dtype=np.float32)
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **arrays)
    return out.getvalue()


@dataclass(frozen=True, kw_only=True)
class _Text:
    """An example, prepared for training."""

    grams: list[Gram]
    language: str
    length: str
    first_person: bool
    distressed: bool
    harmless: bool
    twin: bool
    fold: int

    @classmethod
    def of(cls, example: Example) -> _Text:
        text = normalize_text(example.text)
        grams, words = grams_of(text)
        return cls(
            grams=grams,
            language=locale_of(example.text),
            length=length_of(words),
            first_person=is_first_person(text),
            distressed=Category.SELF_HARM_INTENT.value in example.categories,
            harmless=not example.categories,
            twin=example.kind == TWIN_KIND,
            fold=zlib.crc32(example.family.encode()) % FOLDS,
        )

    @property
    def judged(self) -> bool:
        return self.first_person and self.length in JUDGED_LENGTHS


def _unseen_scores(texts: Sequence[_Text]) -> list[float]:
    """Log-odds of each text by a model that was fitted without its fold."""
    models = [_fit_texts([text for text in texts if text.fold != fold]) for fold in range(FOLDS)]
    scores = []
    for text in texts:
        vocabulary, weights, bias = models[text.fold]
        columns, values = vocabulary.vector(text.grams)
        scores.append(float(values @ weights[columns]) + bias)
    return scores


def _fit_texts(texts: Sequence[_Text]) -> tuple[Vocabulary, Array, float]:
    return fit_model([text.grams for text in texts], [text.distressed for text in texts])


def fit_model(grams: Sequence[Sequence[Gram]], distressed: Sequence[bool]) -> tuple[Vocabulary, Array, float]:
    """The n-grams that a linear classifier of distress knows, their weights, and its bias."""
    counts = Counter(number for found in grams for number in {hash_gram(gram) for gram, _a, _b in found})
    hashes = np.array(sorted(one for one, count in counts.items() if count >= _MIN_TEXTS), dtype=np.uint32)
    rarity = np.log((1 + len(grams)) / (1 + np.array([counts[int(one)] for one in hashes]))) + 1
    vocabulary = Vocabulary(hashes=hashes, rarity=rarity.astype(np.float16).astype(np.float32))
    rows = [vocabulary.vector(found) for found in grams]
    starts = np.cumsum([0, *(len(columns) for columns, _values in rows)])
    matrix = importlib.import_module("scipy.sparse").csr_matrix(
        (
            np.concatenate([values for _columns, values in rows]),
            np.concatenate([columns for columns, _values in rows]),
            starts,
        ),
        shape=(len(rows), len(hashes)),
    )
    # Sums in several threads give slightly different results each time.
    with importlib.import_module("threadpoolctl").threadpool_limits(1):
        model = importlib.import_module("sklearn.linear_model").LogisticRegression(
            C=30, class_weight="balanced", solver="liblinear", random_state=0
        )
        model.fit(matrix, distressed)
    return vocabulary, model.coef_[0].astype(np.float32), float(model.intercept_[0])


def _threshold(harmless: Sequence[tuple[_Text, float]], budget: float) -> float:
    """The lowest threshold that at most this share of these texts reaches."""
    ordered = sorted((score for text, score in harmless if text.judged), reverse=True)
    allowed = int(budget * len(harmless))
    return ordered[allowed] + 0.01 if allowed < len(ordered) else float("-inf")


def _point(
    language: str, length: str, harmless: Sequence[tuple[_Text, float]], threshold: float
) -> OperatingPoint:
    alarms = sum(text.judged and score >= threshold for text, score in harmless)
    low, high = wilson(alarms, len(harmless))
    return OperatingPoint(
        voice="distress-words",
        language=language,
        length=length,
        score=SCORE,
        false_alarm_rate=round(alarms / max(len(harmless), 1), 5),
        low=round(low, 5),
        high=round(high, 5),
        sample=len(harmless),
    )
