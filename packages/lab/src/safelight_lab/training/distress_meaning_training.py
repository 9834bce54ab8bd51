"""Trains the classifier of distress that reads meaning, on pairs of a statement of distress and a harmless
twin, and on other harmless texts. Needs scikit-learn.

Every text is scored by a classifier that was fitted without its family. The operating point is chosen on the
families whose hash is even; the others measure.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from safelight.detectors.protocol import TextContent
from safelight.detectors.text.acts import OPINIONS, ActReader
from safelight.detectors.text.compositions import CompositionDetector, shipped_compositions
from safelight.detectors.text.distress import (
    JUDGED_LENGTHS,
    MAX_DOUBT,
    SCORE,
    grams_of,
    is_first_person,
    model_of,
)
from safelight.detectors.text.distress_meaning import GRAM_WEIGHT, Array, embeddings
from safelight.detectors.text.languages import Language
from safelight.detectors.text.minilm.graph import WIDTH
from safelight.detectors.text.normalise import normalize_text, views
from safelight.detectors.text.word_grams import FEATURES, Gram
from safelight.policy.findings import Category, OperatingPoint
from safelight.policy.statistics import wilson

from .distress_training import fit_model
from .generated_texts import frame_texts
from .training import FOLDS, fold_of
from .training_data import Example

#: Files of pairs of bench/acts/fit. In them a statement has the label `distress`.
PAIRS = ("distress", "distress_more", "denials")
#: Largest share of the harmless twins that may get help lines.
TWIN_BUDGET = 0.025
#: Largest share at each point of the curve that is reported.
CURVE = (0.0025, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08, 0.12)
#: Per cent of the families of committed harmless texts that are not in the first person and are fitted;
#: number of generated texts in each language; most characters of a committed text.
FITTED_PROMPTS, GENERATED, MAX_CHARS = 13, 250, 600
#: Weight of a row of a pair in the loss, and the strength of the classifier on embeddings.
PAIR_WEIGHT, STRENGTH = 8.0, 0.1
#: Length to which embeddings are scaled.
_LENGTH = 3.0
#: An operating point is measured on at least this number of texts.
_MIN_TEXTS = 30


@dataclass(frozen=True, kw_only=True)
class MeaningText:
    """A text with its label, as the classifier reads it."""

    distressed: bool
    #: Whether it is of a pair, there or in the lab's examples, whose other text has the same words.
    paired: bool
    #: Whether a rule finds a wish to die, or only a statement of despair.
    by_rule: float
    fold: int
    #: Whether it serves to choose the operating point.
    calibrates: bool
    name: str
    language: str
    length: str
    gram_model: str
    #: Of the whole text, and of each of its windows if there are several.
    grams: tuple[list[Gram], ...]
    inputs: Array


def read_examples(folder: Path, committed: Sequence[Example]) -> list[Example]:
    """The pairs, the harmless rows of the other files of the folder, and the committed and generated texts
    that are fitted.
    """
    found = []
    for path in sorted(folder.glob("*.jsonl"), key=lambda one: (one.stem not in PAIRS, one.stem)):
        rows: list[dict[str, Any]] = list(map(json.loads, path.read_text(encoding="utf-8").splitlines()))
        found += [
            Example(
                text=row["text"],
                categories=frozenset({Category.SELF_HARM_INTENT.value} if row["label"] == "distress" else ()),
                source=f"acts/{path.stem}",
                lang=row["lang"],
                family=row.get("pair") or row["id"],
                kind="pair" if path.stem in PAIRS else "plain",
            )
            for row in rows
            if row["label"] in ("distress", "safe")
        ]
    near = {one.family for one in committed if any(name.startswith("self-harm") for name in one.categories)}
    for one in committed:
        wanted = (
            one.family in near
            or is_first_person(normalize_text(one.text))
            or _percentile(one.family) < FITTED_PROMPTS
        )
        harmless = not one.categories and len(one.text) <= MAX_CHARS
        if Category.SELF_HARM_INTENT.value in one.categories or (harmless and wanted):
            found.append(one)
    for lang in ("en", "zh"):
        generated = frame_texts(lang)
        found += [one for one in generated if _percentile(one.text) < 100 * GENERATED / len(generated)]
    return list({one.text.casefold(): one for one in reversed(found)}.values())[::-1]


def read_texts(
    examples: Sequence[Example], reader: ActReader, progress: Callable[[str], None]
) -> list[MeaningText]:
    """The texts as the classifier reads them. Texts in another language are left out."""
    rules = CompositionDetector(
        shipped_compositions(), name="distress", categories=[Category.SELF_HARM_INTENT.value]
    )
    found = []
    for number, example in enumerate(examples):
        if number % 1000 == 0:
            progress(f"distress: {number} of {len(examples)} texts")
        folded = normalize_text(example.text)
        content = TextContent(field="prompt", text=example.text, views=views(example.text))
        for part in reader.minilm.splitter.split(folded, example.text)[:1]:
            rows = reader.read(part)
            if rows is None:
                continue
            read = reader.add_e5(part.text, rows, range(1, len(rows.places)))
            found.append(
                MeaningText(
                    distressed=Category.SELF_HARM_INTENT.value in example.categories,
                    paired=example.kind == "pair",
                    by_rule=max((one.score for one in rules.inspect_text(content)), default=0.0),
                    fold=fold_of(example),
                    calibrates=hashlib.sha256(example.family.encode()).digest()[0] % 2 == 0,
                    name=example.source,
                    language=part.language,
                    length=part.length,
                    gram_model=model_of(part.text),
                    grams=tuple(grams_of(part.text[start:end])[0] for start, end in read.places),
                    inputs=embeddings(read.inputs, read.inputs.shape[1] - len(OPINIONS)),
                )
            )
    return found


def fit(texts: Sequence[MeaningText]) -> tuple[bytes, dict[str, Any]]:
    """Train on all texts. Returns the file that `distress_meaning.load` reads, and the measured rates."""
    unseen = score_unseen(texts)
    calibrating = [index for index, text in enumerate(texts) if text.calibrates]
    threshold = choose_threshold(texts, unseen, calibrating, TWIN_BUDGET)
    weights, bias = _fit_embeddings(texts)
    arrays: dict[str, Any] = {"features": np.array(FEATURES), "weights": weights, "bias": np.array(bias)}
    for name in ("en", "zh"):
        vocabulary, gram_weights, gram_bias = _fit_grams(texts, name)
        arrays |= {
            f"{name}_hashes": vocabulary.hashes,
            f"{name}_rarity": vocabulary.rarity.astype(np.float16),
            f"{name}_weights": gram_weights.astype(np.float16),
            f"{name}_bias": np.array(gram_bias, dtype=np.float32),
        }
    points = measure_points(texts, unseen, threshold)
    arrays["threshold"] = np.array(threshold, dtype=np.float32)
    arrays["points"] = np.frombuffer(msgspec.json.encode(points), dtype=np.uint8)
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **arrays)
    return out.getvalue(), measure(texts, unseen, threshold)


def score_unseen(texts: Sequence[MeaningText]) -> Array:
    """The log-odds of each text by a classifier that was fitted without its fold: the highest of the whole
    text and its windows.
    """
    found = np.zeros(len(texts), dtype=np.float32)
    for fold in range(FOLDS):
        fitted = [one for one in texts if one.fold != fold]
        weights, bias = _fit_embeddings(fitted)
        models = {name: _fit_grams(fitted, name) for name in ("en", "zh")}
        for index, one in enumerate(texts):
            if one.fold == fold:
                vocabulary, gram_weights, gram_bias = models[one.gram_model]
                odds = []
                for grams in one.grams:
                    columns, values = vocabulary.vector(grams)
                    odds.append(float(values @ gram_weights[columns]) + gram_bias)
                found[index] = (one.inputs @ weights + bias + GRAM_WEIGHT * np.array(odds)).max()
    return found


def choose_threshold(
    texts: Sequence[MeaningText], odds: Array, places: Sequence[int], budget: float
) -> float:
    """The lowest threshold at which at most this share of the harmless twins gets help lines."""
    twins = [index for index in places if texts[index].paired and not texts[index].distressed]
    allowed = int(budget * len(twins))
    thresholds = np.unique(odds[twins])[::-1]
    lowest = float(thresholds[0]) + 0.01
    for threshold in (thresholds + 0.01).tolist():
        if _helped(texts, odds, twins, threshold) > allowed:
            break
        lowest = threshold
    return lowest


def _is_helped(text: MeaningText, odds: float, threshold: float) -> bool:
    return odds >= threshold or text.by_rule > SCORE or (text.by_rule > 0 and odds >= threshold - MAX_DOUBT)


def _helped(texts: Sequence[MeaningText], odds: Array, places: Sequence[int], threshold: float) -> int:
    return sum(_is_helped(texts[index], float(odds[index]), threshold) for index in places)


def measure(texts: Sequence[MeaningText], odds: Array, threshold: float) -> dict[str, Any]:
    """What gets help lines: by source, and by language of the pairs, of the half that did not choose the
    threshold; and the curve.
    """
    apart = [index for index, text in enumerate(texts) if not text.calibrates]
    groups: dict[str, list[int]] = {}
    for index in apart:
        text = texts[index]
        label = "distress" if text.distressed else "harmless"
        groups.setdefault(f"{text.name} {label}", []).append(index)
        if text.paired:
            groups.setdefault(f"pairs {label}", []).append(index)
            groups.setdefault(f"pairs {label} {text.language}", []).append(index)
    calibrating = [index for index, text in enumerate(texts) if text.calibrates]
    curve = []
    for budget in CURVE:
        at = choose_threshold(texts, odds, calibrating, budget)
        shares = [
            _helped(texts, odds, groups[name], at) / len(groups[name])
            for name in ("pairs distress", "pairs harmless")
        ]
        curve.append({"threshold": round(at - threshold, 2), "found": shares[0], "twins": shares[1]})
    return {
        "groups": {
            name: f"{_helped(texts, odds, places, threshold)} of {len(places)}"
            for name, places in sorted(groups.items())
        },
        "curve": curve,
    }


def measure_points(texts: Sequence[MeaningText], odds: Array, threshold: float) -> list[OperatingPoint]:
    """The share of harmless texts that get help lines, by language and length; of all lengths together where
    there are few. Shorter texts are left to the rules.
    """
    found = []
    for language in Language:
        harmless = [
            index
            for index, text in enumerate(texts)
            if not text.distressed and text.language == language and not text.paired
        ]
        for length in JUDGED_LENGTHS:
            here = [index for index in harmless if texts[index].length == length]
            here = here if len(here) >= _MIN_TEXTS else harmless
            alarms = sum(float(odds[index]) >= threshold for index in here)
            low, high = wilson(alarms, len(here))
            found.append(
                OperatingPoint(
                    voice="distress-meaning",
                    language=language,
                    length=length,
                    score=SCORE,
                    false_alarm_rate=round(alarms / len(here), 5),
                    low=round(low, 5),
                    high=round(high, 5),
                    sample=len(here),
                )
            )
    return found


def _fit_embeddings(texts: Sequence[MeaningText]) -> tuple[Array, float]:
    """Weights and bias of a linear classifier on whole texts, each layer scaled to the same length."""
    inputs = np.stack([one.inputs[0] for one in texts])
    centre = inputs.mean(axis=0)
    parts = np.split(inputs - centre, inputs.shape[1] // WIDTH, axis=1)
    factor = np.concatenate(
        [np.full(part.shape[1], _LENGTH / np.sqrt((part**2).sum(axis=1).mean())) for part in parts]
    ).astype(np.float32)
    with importlib.import_module("threadpoolctl").threadpool_limits(1):
        model = importlib.import_module("sklearn.linear_model").LogisticRegression(
            C=STRENGTH, class_weight="balanced", max_iter=300
        )
        model.fit(
            (inputs - centre) * factor,
            [one.distressed for one in texts],
            sample_weight=[PAIR_WEIGHT if one.paired else 1.0 for one in texts],
        )
    weights = (model.coef_[0] * factor).astype(np.float32)
    return weights, float(model.intercept_[0]) - float(centre @ weights)


def _fit_grams(texts: Sequence[MeaningText], name: str) -> Any:
    chosen = [one for one in texts if one.gram_model == name]
    return fit_model([one.grams[0] for one in chosen], [one.distressed for one in chosen])


def _percentile(text: str) -> int:
    return int(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8], 16) % 100
