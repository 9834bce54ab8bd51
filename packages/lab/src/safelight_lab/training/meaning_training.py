"""Trains a classifier that reads meaning, on texts of a kind and harmless twins, and on other texts that are
not of the kind. Needs scikit-learn.

Every text is scored by a classifier that was fitted without its family. The operating point is chosen on some
of the twins; the others measure.
"""

from __future__ import annotations

import hashlib
import importlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from safelight.detectors.protocol import TextContent
from safelight.detectors.text.acts import ActReader
from safelight.detectors.text.distress import JUDGED_LENGTHS, grams_of, model_of
from safelight.detectors.text.e5.encoder import LAYERS
from safelight.detectors.text.languages import Language
from safelight.detectors.text.meaning import GRAM_WEIGHT, Array, embeddings
from safelight.detectors.text.minilm.graph import WIDTH
from safelight.detectors.text.normalise import normalize_text, views
from safelight.detectors.text.word_grams import FEATURES, Gram
from safelight.policy.findings import OperatingPoint
from safelight.policy.statistics import wilson

from .distress_training import fit_model
from .generated_texts import frame_texts
from .training import FOLDS, fold_of
from .training_data import Example

#: Largest share at each point of the curve that is reported.
CURVE = (0.0025, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08, 0.12)
#: Number of generated texts in each language that are fitted; most characters of a committed text.
GENERATED, MAX_CHARS = 250, 600
#: Weight of a row of a pair in the loss.
PAIR_WEIGHT = 8.0
#: Length to which embeddings are scaled.
_LENGTH = 3.0
#: An operating point is measured on at least this number of texts.
_MIN_TEXTS = 30


@dataclass(frozen=True, kw_only=True)
class MeaningText:
    """A text with its label, as the classifier reads it."""

    #: Whether it is of the kind that is to be found.
    positive: bool
    #: Whether it is one of these or a twin, there or in the lab's examples.
    paired: bool
    #: How much below the threshold it is still found, because rules find the same kind in it.
    leeway: float
    fold: int
    #: Whether it is fitted.
    fits: bool
    #: Whether it serves to choose the operating point.
    calibrates: bool
    name: str
    language: str
    length: str
    gram_model: str
    #: Of the whole text, and of each of its windows if there are several.
    grams: tuple[list[Gram], ...]
    inputs: Array


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What is to be found, and the use of its examples."""

    #: The name of the operating points, and the word for what is found.
    voice: str
    word: str
    #: The category of the examples of this kind.
    category: str
    #: The score of a finding at its operating point.
    score: float
    #: Largest share of the harmless twins that may be found.
    twin_budget: float
    #: The strength of the classifier on embeddings, and the factor of the log-odds on n-grams.
    strength: float
    gram_factor: float
    fits: Callable[[Example], bool]
    calibrates: Callable[[Example], bool]
    #: How much below the threshold a text is still found, because rules find the same kind in it.
    leeway: Callable[[TextContent], float] = lambda _content: 0.0


def read_texts(
    kind: Kind, examples: Sequence[Example], reader: ActReader, progress: Callable[[str], None]
) -> list[MeaningText]:
    """The texts as the classifier reads them. Texts in another language are left out."""
    found = []
    for number, example in enumerate(examples):
        if number % 1000 == 0:
            progress(f"{kind.word}: {number} of {len(examples)} texts")
        folded = normalize_text(example.text)
        content = TextContent(field="prompt", text=example.text, views=views(example.text))
        for part in reader.minilm.splitter.split(folded, example.text)[:1]:
            rows = reader.read(part)
            if rows is None:
                continue
            read = reader.add_e5(part.text, rows, range(1, len(rows.places)))
            found.append(
                MeaningText(
                    positive=kind.category in example.categories,
                    paired=example.kind == "pair",
                    leeway=kind.leeway(content),
                    fold=fold_of(example),
                    fits=kind.fits(example),
                    calibrates=kind.calibrates(example),
                    name=example.source,
                    language=part.language,
                    length=part.length,
                    gram_model=model_of(part.text),
                    grams=tuple(grams_of(part.text[start:end])[0] for start, end in read.places),
                    inputs=embeddings(read.inputs, WIDTH * (1 + len(LAYERS))),
                )
            )
    return found


def fit(kind: Kind, texts: Sequence[MeaningText]) -> tuple[bytes, dict[str, Any]]:
    """Train on all texts that are to be fitted. Returns the file that `meaning.parse` reads, and the measured
    rates.
    """
    unseen = score_unseen(kind, texts)
    calibrating = [index for index, text in enumerate(texts) if text.calibrates]
    threshold = choose_threshold(texts, unseen, calibrating, kind.twin_budget)
    fitted = [text for text in texts if text.fits]
    weights, bias = _fit_embeddings(kind, fitted)
    arrays: dict[str, Any] = {"features": np.array(FEATURES), "weights": weights, "bias": np.array(bias)}
    for name in ("en", "zh"):
        vocabulary, gram_weights, gram_bias = _fit_grams(fitted, name)
        arrays |= {
            f"{name}_hashes": vocabulary.hashes,
            f"{name}_rarity": vocabulary.rarity.astype(np.float16),
            f"{name}_weights": (kind.gram_factor * gram_weights).astype(np.float16),
            f"{name}_bias": np.array(kind.gram_factor * gram_bias, dtype=np.float32),
        }
    points = measure_points(kind, texts, unseen, threshold)
    arrays["threshold"] = np.array(threshold, dtype=np.float32)
    arrays["points"] = np.frombuffer(msgspec.json.encode(points), dtype=np.uint8)
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **arrays)
    return out.getvalue(), measure(kind, texts, unseen, threshold)


def score_unseen(kind: Kind, texts: Sequence[MeaningText]) -> Array:
    """The log-odds of each text: the highest of the whole text and its windows. Those that are fitted are
    scored by a classifier that was fitted without their fold.
    """
    found = np.zeros(len(texts), dtype=np.float32)
    for fold in (None, *range(FOLDS)):
        seen = [index for index, one in enumerate(texts) if (one.fold if one.fits else None) == fold]
        if not seen:
            continue
        fitted = [one for one in texts if one.fits and one.fold != fold]
        weights, bias = _fit_embeddings(kind, fitted)
        models = {name: _fit_grams(fitted, name) for name in ("en", "zh")}
        for index in seen:
            one, odds = texts[index], []
            vocabulary, gram_weights, gram_bias = models[one.gram_model]
            for grams in one.grams:
                columns, values = vocabulary.vector(grams)
                odds.append(float(values @ gram_weights[columns]) + gram_bias)
            scores = one.inputs @ weights + bias + GRAM_WEIGHT * kind.gram_factor * np.array(odds)
            found[index] = scores.max()
    return found


def choose_threshold(
    texts: Sequence[MeaningText], odds: Array, places: Sequence[int], budget: float
) -> float:
    """The lowest threshold at which at most this share of the harmless twins is found."""
    twins = [index for index in places if texts[index].paired and not texts[index].positive]
    allowed = int(budget * len(twins))
    thresholds = np.unique(odds[twins])[::-1]
    lowest = float(thresholds[0]) + 0.01
    for threshold in (thresholds + 0.01).tolist():
        if _count_found(texts, odds, twins, threshold) > allowed:
            break
        lowest = threshold
    return lowest


def _count_found(texts: Sequence[MeaningText], odds: Array, places: Sequence[int], threshold: float) -> int:
    return sum(float(odds[index]) >= threshold - texts[index].leeway for index in places)


def measure(kind: Kind, texts: Sequence[MeaningText], odds: Array, threshold: float) -> dict[str, Any]:
    """What is found: by source, and by language of the pairs, of the half that did not choose the
    threshold; and the curve.
    """
    apart = [index for index, text in enumerate(texts) if not text.calibrates]
    groups: dict[str, list[int]] = {}
    for index in apart:
        text = texts[index]
        label = kind.word if text.positive else "harmless"
        groups.setdefault(f"{text.name} {label}", []).append(index)
        if text.paired:
            groups.setdefault(f"pairs {label}", []).append(index)
            groups.setdefault(f"pairs {label} {text.language}", []).append(index)
    calibrating = [index for index, text in enumerate(texts) if text.calibrates]
    curve = []
    for budget in CURVE:
        at = choose_threshold(texts, odds, calibrating, budget)
        shares = [
            _count_found(texts, odds, groups[name], at) / len(groups[name])
            for name in (f"pairs {kind.word}", "pairs harmless")
        ]
        curve.append({"threshold": round(at - threshold, 2), "found": shares[0], "twins": shares[1]})
    return {
        "groups": {
            name: f"{_count_found(texts, odds, places, threshold)} of {len(places)}"
            for name, places in sorted(groups.items())
        },
        "curve": curve,
    }


def measure_points(
    kind: Kind, texts: Sequence[MeaningText], odds: Array, threshold: float
) -> list[OperatingPoint]:
    """The share of other texts that are found, by language and length; of all lengths together where
    there are few. Shorter texts are left to the rules.
    """
    found = []
    for language in Language:
        harmless = [
            index
            for index, text in enumerate(texts)
            if not text.positive and text.language == language and not text.paired
        ]
        if not harmless:
            continue
        for length in JUDGED_LENGTHS:
            here = [index for index in harmless if texts[index].length == length]
            here = here if len(here) >= _MIN_TEXTS else harmless
            alarms = sum(float(odds[index]) >= threshold for index in here)
            low, high = wilson(alarms, len(here))
            found.append(
                OperatingPoint(
                    voice=kind.voice,
                    language=language,
                    length=length,
                    score=kind.score,
                    false_alarm_rate=round(alarms / len(here), 5),
                    low=round(low, 5),
                    high=round(high, 5),
                    sample=len(here),
                )
            )
    return found


def _fit_embeddings(kind: Kind, texts: Sequence[MeaningText]) -> tuple[Array, float]:
    """Weights and bias of a linear classifier on whole texts, each layer scaled to the same length."""
    inputs = np.stack([one.inputs[0] for one in texts])
    centre = inputs.mean(axis=0)
    parts = np.split(inputs - centre, inputs.shape[1] // WIDTH, axis=1)
    factor = np.concatenate(
        [np.full(part.shape[1], _LENGTH / np.sqrt((part**2).sum(axis=1).mean())) for part in parts]
    ).astype(np.float32)
    with importlib.import_module("threadpoolctl").threadpool_limits(1):
        model = importlib.import_module("sklearn.linear_model").LogisticRegression(
            C=kind.strength, class_weight="balanced", max_iter=300
        )
        model.fit(
            (inputs - centre) * factor,
            [one.positive for one in texts],
            sample_weight=[PAIR_WEIGHT if one.paired else 1.0 for one in texts],
        )
    weights = (model.coef_[0] * factor).astype(np.float32)
    return weights, float(model.intercept_[0]) - float(centre @ weights)


def _fit_grams(texts: Sequence[MeaningText], name: str) -> Any:
    chosen = [one for one in texts if one.gram_model == name]
    return fit_model([one.grams[0] for one in chosen], [one.positive for one in chosen])


def with_generated(examples: Sequence[Example]) -> list[Example]:
    """The examples and some generated harmless texts in each language; of a repeated text the first."""
    found = list(examples)
    for lang in ("en", "zh"):
        generated = frame_texts(lang)
        found += [one for one in generated if percentile(one.text) < 100 * GENERATED / len(generated)]
    return list({one.text.casefold(): one for one in reversed(found)}.values())[::-1]


def percentile(text: str) -> int:
    """0 to 99, by the hash of the text."""
    return int(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8], 16) % 100
