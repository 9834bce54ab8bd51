"""How the heads are made. Needs scikit-learn and the MiniLM weights, which a user does not.

Deterministic on one kind of machine: same data, same bytes. Examples are split by their family into three
parts: one to fit, one for slopes and operating points, one for the figures of the model card.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from . import heads, ngrams
from .examples import FACTS, LISTS_ONLY, PARENTS, Example, Part, augmented
from .han import mostly_chinese
from .heads import ANY, Heads, Mode
from .learned import english, fused_scores
from .minilm.encoder import Window
from .normalise import texts_of, views

Array: TypeAlias = npt.NDArray[np.float32]
Mask: TypeAlias = npt.NDArray[np.bool_]

#: Fewer committed examples than this make no head; the lists have the category to themselves.
MIN_EXAMPLES = 20
#: How many harmless prompts of sources nobody learned from may be found in any category, by mode.
BUDGETS = {Mode.GRAMS: 0.001, Mode.GRAMS_CHINESE: 0.006, Mode.FUSED: 0.006}
#: The same for our own harmless prompts of the second part, half of which are made to sound harmful.
OWN_BUDGETS = {Mode.GRAMS: 0.03, Mode.GRAMS_CHINESE: 0.1, Mode.FUSED: 0.25}
HIDDEN = 96
SEEDS = (0, 1)


@dataclass(frozen=True, kw_only=True)
class Read:
    """A text as the detectors read it: folded, in windows, embedded."""

    text: str
    windows: tuple[Window, ...]
    embedded: Array

    @property
    def whole(self) -> Array:
        """The text's own embedding, as `fused_scores` makes it."""
        sizes = np.array([len(window.ids) for window in self.windows], dtype=np.float32)
        mean = (self.embedded * sizes[:, None]).sum(axis=0)
        return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), dtype=np.float32)


#: Windows of a folded text, and their embeddings.
Embed: TypeAlias = Callable[[str], tuple[Sequence[Window], Array]]


class Trainer:
    """Fits, calibrates and measures."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._known: dict[str, Read] = {}

    def read(self, text: str) -> Read:
        if text not in self._known:
            folded = texts_of(views(text))[0].text
            windows, embedded = self._embed(folded)
            kept = set(map(id, english(windows, folded)))
            rows = [index for index, window in enumerate(windows) if id(window) in kept]
            self._known[text] = Read(
                text=folded, windows=tuple(windows[index] for index in rows), embedded=embedded[rows]
            )
        return self._known[text]

    def fit(self, examples: Sequence[Example], categories: tuple[str, ...]) -> dict[str, Any]:
        """Weights, not calibrated, from examples as they are given."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
        from sklearn.neural_network import MLPClassifier

        taken = augmented(examples)
        read = [self.read(one.text) for one in taken]
        labels, counted = _labels(taken, categories), _counted(taken, categories)
        grams = _gram_matrix([one.text for one in read])
        embeddable = np.array([bool(one.windows) for one in read])
        embedded = np.stack([one.whole for one in read if one.windows])
        weights, biases, lines, line_biases = [], [], [], []
        with _one_thread(), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            for column in range(len(categories) + 1):
                rows = counted[:, column]
                line = LogisticRegression(C=20, class_weight="balanced", solver="liblinear", random_state=0)
                line.fit(grams[rows], labels[rows, column])
                weights.append(line.coef_[0])
                biases.append(line.intercept_[0])
                rows = rows[embeddable]
                line = LogisticRegression(C=10, class_weight="balanced", solver="lbfgs", max_iter=200)
                line.fit(embedded[rows], labels[embeddable][rows, column])
                lines.append(line.coef_[0])
                line_biases.append(line.intercept_[0])
            networks = []
            for seed in SEEDS:
                network = MLPClassifier((HIDDEN,), alpha=1e-3, max_iter=30, batch_size=128, random_state=seed)
                networks.append(network.fit(embedded, labels[embeddable]))
        weight = np.stack(weights).astype(np.float32)
        scale = np.maximum(np.abs(weight).max(axis=1), 1e-9) / 127
        shape = (len(Mode), len(categories))
        return {
            "categories": np.array(categories),
            "gram_levels": np.round(weight / scale[:, None]).astype(np.int8),
            "gram_scale": scale.astype(np.float32),
            "gram_bias": np.array(biases, dtype=np.float32),
            "line": np.stack(lines).astype(np.float16),
            "line_bias": np.array(line_biases, dtype=np.float32),
            "hidden": np.concatenate([one.coefs_[0] for one in networks], axis=1).astype(np.float16),
            "hidden_bias": np.concatenate([one.intercepts_[0] for one in networks]).astype(np.float32),
            "out": np.concatenate([one.coefs_[1] / len(SEEDS) for one in networks]).astype(np.float16),
            "out_bias": np.mean([one.intercepts_[1] for one in networks], axis=0).astype(np.float32),
            # Until calibrated a probability is what the score says.
            "slopes": np.ones(shape, dtype=np.float32),
            "points": np.zeros(shape, dtype=np.float32),
        }

    def calibrate(self, arrays: dict[str, Any], examples: Sequence[Example]) -> None:
        """Slopes by Platt's method, and points where our own harmless prompts stay within the budget."""
        loaded = heads.load(heads.dump(arrays))
        for mode in Mode:
            chosen = [one for one in examples if one.chinese is (mode is Mode.GRAMS_CHINESE)]
            if not chosen:
                continue
            scores = self.scores(loaded, mode, chosen)
            labels = _labels(chosen, loaded.categories)
            safe = scores[~labels[:, -1]]
            for column in range(len(loaded.categories)):
                arrays["slopes"][mode, column] = _slope(scores[:, column], labels[:, column])
            if len(safe):
                arrays["points"][mode] = _points([(safe, OWN_BUDGETS[mode])])

    def points(
        self, loaded: Heads, own: Sequence[Example], unseen: Sequence[Example]
    ) -> dict[str, dict[str, float]]:
        """Operating points by mode and category that keep to the budgets on both."""
        found: dict[str, dict[str, float]] = {}
        for mode in Mode:
            sets = []
            for examples, budget in ((own, OWN_BUDGETS[mode]), (unseen, BUDGETS[mode])):
                safe = [
                    one
                    for one in examples
                    if not one.categories and one.chinese is (mode is Mode.GRAMS_CHINESE)
                ]
                if safe:
                    sets.append((self.scores(loaded, mode, safe), budget))
            points = _points(sets) if sets else loaded.points[mode]
            found[mode.name] = {
                name: round(float(value), 4) for name, value in zip(loaded.categories, points, strict=True)
            }
        return found

    def scores(self, loaded: Heads, mode: Mode, examples: Sequence[Example]) -> Array:
        """The highest combined score of each text's parts, one row per example."""
        return np.stack([self._score(loaded, mode, self.read(one.text)) for one in examples])

    def _score(self, loaded: Heads, mode: Mode, read: Read) -> Array:
        if mode is Mode.FUSED and read.windows:
            return np.asarray(fused_scores(loaded, read.text, read.windows, read.embedded).max(axis=0))
        rows = [
            heads.combined(loaded.gram_scores(read.text[start:end]))
            for start, end in ngrams.windows(read.text)
        ] or [heads.combined(loaded.gram_scores(""))]
        return np.asarray(np.stack(rows).max(axis=0))

    def found(self, loaded: Heads, examples: Sequence[Example]) -> Mask:
        """Whether either detector finds anything, as both are installed."""
        result = np.zeros(len(examples), dtype=np.bool_)
        for index, one in enumerate(examples):
            read = self.read(one.text)
            grams = Mode.GRAMS_CHINESE if mostly_chinese(read.text) else Mode.GRAMS
            for mode in (grams, Mode.FUSED) if read.windows else (grams,):
                result[index] |= bool(
                    (loaded.probabilities(self._score(loaded, mode, read), mode) >= 0.5).any()
                )
        return result


def categories_of(examples: Sequence[Example]) -> tuple[str, ...]:
    """The categories with enough examples for a head."""
    names = sorted({name for one in examples for name in one.categories} - FACTS - LISTS_ONLY)
    return tuple(name for name in names if sum(name in one.categories for one in examples) >= MIN_EXAMPLES)


def train(
    trainer: Trainer, own: Sequence[Example], more: Sequence[Example] = ()
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arrays for `heads.dump` and the figures of the part nobody looked at."""
    categories = categories_of(own)
    arrays = trainer.fit([one for one in own if one.part is Part.FIT] + list(more), categories)
    trainer.calibrate(arrays, [one for one in own if one.part is Part.CALIBRATE])
    return arrays, figures(trainer, heads.load(heads.dump(arrays)), own)


def figures(trainer: Trainer, loaded: Heads, own: Sequence[Example]) -> dict[str, Any]:
    """How much of the third part is found, by language and by what it is."""
    told: dict[str, Any] = {}
    kept = [one for one in own if one.part is Part.REPORT]
    for chinese in (False, True):
        for bad in (True, False):
            rows = [one for one in kept if one.chinese is chinese and bool(one.categories) is bad]
            if rows:
                told[f"{'zh' if chinese else 'en'}, {'unsafe' if bad else 'safe'}"] = {
                    "n": len(rows),
                    "found": int(trainer.found(loaded, rows).sum()),
                }
    return told


def _labels(examples: Sequence[Example], categories: tuple[str, ...]) -> Mask:
    return np.array(
        [[*(name in one.categories for name in categories), bool(one.categories)] for one in examples],
        dtype=np.bool_,
    )


def _counted(examples: Sequence[Example], categories: tuple[str, ...]) -> Mask:
    """Which examples speak on which category: a more particular sin says nothing against a general one."""
    names = (*categories, ANY)
    akin = {("hate/symbols", "hate"), ("extremism", "hate"), ("harassment", "hate"), ("ncii", "sexual")}
    akin |= {("ncii", "harassment"), ("extremism", "violence"), *PARENTS.items()}
    return np.array(
        [
            [
                name in one.categories
                or not any((given, name) in akin or (name, given) in akin for given in one.categories)
                for name in names
            ]
            for one in examples
        ],
        dtype=np.bool_,
    )


def _one_thread() -> Any:
    """Sums in several threads come out different each time."""
    return importlib.import_module("threadpoolctl").threadpool_limits(1)


def _gram_matrix(texts: Sequence[str]) -> Any:
    sparse = importlib.import_module("scipy.sparse")

    indices, values, pointers = [], [], [0]
    for text in texts:
        where, what = ngrams.features(text[: 4 * ngrams.WINDOW])
        indices.append(where)
        values.append(what)
        pointers.append(pointers[-1] + len(where))
    return sparse.csr_matrix(
        (np.concatenate(values).astype(np.float64), np.concatenate(indices), pointers),
        shape=(len(texts), ngrams.SIZE),
    )


def _slope(scores: Array, truth: Mask) -> float:
    """Platt's slope, with harmful and harmless weighing the same."""
    from sklearn.linear_model import LogisticRegression

    if not truth.any() or truth.all():
        return 1.0
    line = LogisticRegression(C=1e3, class_weight="balanced").fit(scores[:, None], truth)
    return float(np.clip(line.coef_[0, 0], 0.3, 3.0))


def _points(sets: Sequence[tuple[Array, float]]) -> Array:
    """The lowest points such that no set has more rows over any of them than its budget.

    All categories are equally far out in the tail of the last set, so that one number decides.
    """
    tail = sets[-1][0]
    middle, high = np.quantile(tail, 0.5, axis=0), np.quantile(tail, 0.99, axis=0)
    points = middle
    for step in range(20, 200):
        points = middle + step / 20 * (high - middle)
        if all((scores >= points).any(axis=1).mean() <= budget for scores, budget in sets):
            break
    return np.asarray(points, dtype=np.float32)
