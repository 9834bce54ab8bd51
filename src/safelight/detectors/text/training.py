"""Trains the text classifiers. Needs SciPy and the MiniLM weights, which an ordinary installation does not
need.

The method is ridge regression in closed form: on n-grams alone, in English and in Chinese, and on n-grams
together with the similarity of MiniLM embeddings to those of the examples. The same examples and embeddings
therefore give the same numbers. Slopes and operating points are computed from scores of classifiers that were
not trained on text of the same author.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from . import classifiers, ngrams
from .chinese import is_mostly_chinese
from .classifier_detectors import english_windows, fused_scores, text_embedding
from .classifiers import ANY, CategoryClassifiers, Mode
from .minilm.encoder import TokenWindow
from .normalise import normalize_text
from .training_data import FACTS, LIST_CATEGORIES, PARENTS, Example, Split

Array: TypeAlias = npt.NDArray[np.float32]
Exact: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]
Arrays: TypeAlias = dict[str, npt.NDArray[Any]]
#: A number for each mode and category.
Table: TypeAlias = dict[str, dict[str, float]]
#: Number of examples and number of found examples, for each group.
Figures: TypeAlias = dict[str, dict[str, int]]

#: A category with fewer committed examples gets no classifier. Only the word lists cover it.
MIN_EXAMPLES = 20
#: Largest fraction of harmless prompts from unseen sources that may be found in any category, by mode.
BUDGETS = {Mode.GRAMS: 0.0005, Mode.GRAMS_CHINESE: 0.005, Mode.FUSED: 0.004}
#: Largest fraction of our own harmless prompts that may be found, by mode. Half of them are written to sound
#: harmful.
OWN_BUDGETS = {Mode.GRAMS: 0.01, Mode.GRAMS_CHINESE: 0.1, Mode.FUSED: 0.15}
#: Ridge parameters (n-grams alone, with embeddings), weight of n-grams relative to an embedding, and the
#: score that a target of 1 gets.
RIDGE_ALONE, RIDGE_FUSED, GRAM_WEIGHT, TARGET_SCORE = 0.3, 0.5, 0.5, 4.0


@dataclass(frozen=True, kw_only=True)
class PreparedText:
    """A text as the detectors read it: folded, split into windows, embedded."""

    text: str
    windows: tuple[TokenWindow, ...]
    embedded: Array

    @property
    def whole(self) -> Array:
        """The embedding of the whole text, as `fused_scores` computes it."""
        if not self.windows:
            return np.zeros(self.embedded.shape[1], dtype=np.float32)
        return text_embedding(self.windows, self.embedded)


#: Windows of a folded text, and their embeddings.
Embed: TypeAlias = Callable[[str], tuple[Sequence[TokenWindow], Array]]


@dataclass(frozen=True, kw_only=True)
class TrainingSet:
    """Examples prepared for training on all of them or on some. Chinese examples have only n-grams."""

    categories: tuple[str, ...]
    data_sha256: str
    #: By language (True for Chinese): indices of the examples, their n-grams, their targets, and their
    #: similarity to each other by n-grams.
    places: Mapping[bool, npt.NDArray[np.intp]]
    grams: Mapping[bool, Any]
    targets: Mapping[bool, Exact]
    gram_similarity: Mapping[bool, Exact]
    #: Quantized embeddings of the English examples, and their similarity to each other by embeddings.
    example_levels: npt.NDArray[np.int8]
    embedding_similarity: Exact

    @classmethod
    def from_texts(
        cls,
        folded: Sequence[str],
        examples: Sequence[Example],
        categories: tuple[str, ...],
        known: npt.NDArray[np.int8],
        data_sha256: str,
    ) -> TrainingSet:
        """Make the set from folded texts and the quantized embeddings `known` of the English ones, in the
        same order.
        """
        chinese = np.array([is_mostly_chinese(text) for text in folded], dtype=np.bool_)
        places = {script: np.flatnonzero(chinese == script) for script in (False, True)}
        grams = {
            script: gram_matrix([folded[index] for index in rows.tolist()]) for script, rows in places.items()
        }
        targets = _targets(examples, categories)
        units = classifiers.unit_rows(known).astype(np.float64)
        with _single_thread():
            return cls(
                categories=categories,
                data_sha256=data_sha256,
                places=places,
                grams=grams,
                targets={script: targets[rows] for script, rows in places.items()},
                gram_similarity={
                    script: np.asarray((rows @ rows.T).todense()) for script, rows in grams.items()
                },
                example_levels=known,
                embedding_similarity=classifiers.similarity_weight(units @ units.T),
            )

    def fit(self, chosen: Mask) -> Arrays:
        """The arrays for `classifiers.dump`, trained only on the examples that `chosen` marks."""
        with _single_thread():
            english, chinese = (np.flatnonzero(chosen[self.places[script]]) for script in (False, True))
            alone = self._solve(self.gram_similarity[False] + 1, False, english, RIDGE_ALONE)
            native = self._solve(self.gram_similarity[True] + 1, True, chinese, RIDGE_ALONE)
            pull = self._solve(
                self.embedding_similarity + GRAM_WEIGHT * self.gram_similarity[False],
                False,
                english,
                RIDGE_FUSED,
            )
            weight = np.stack(
                [
                    (self.grams[False][english].T @ alone).T,
                    (self.grams[True][chinese].T @ native).T,
                    GRAM_WEIGHT * (self.grams[False][english].T @ pull).T,
                ]
            )
        scale = np.maximum(np.abs(weight).max(axis=2), 1e-9) / 127
        bias = np.stack([alone.sum(axis=0), native.sum(axis=0), np.zeros(pull.shape[1])])
        return {
            "features": np.array(ngrams.FEATURES),
            "data": np.array(self.data_sha256),
            "categories": np.array(self.categories),
            "gram_levels": np.round(weight / scale[:, :, None]).astype(np.int8),
            "gram_scale": scale.astype(np.float32),
            "gram_bias": bias.astype(np.float32),
            "known": self.example_levels[english],
            "pull": pull.astype(np.float16),
        }

    def _solve(self, kernel: Exact, chinese: bool, rows: npt.NDArray[np.intp], stiffness: float) -> Exact:
        """Solve a ridge regression: returns the weight of each row for each column."""
        targets = self.targets[chinese][rows]
        if not len(rows):
            return np.zeros((0, targets.shape[1]))
        solve = importlib.import_module("scipy.linalg").solve
        chosen = kernel[np.ix_(rows, rows)] + stiffness * np.eye(len(rows))
        return np.asarray(TARGET_SCORE * solve(chosen, targets, assume_a="pos", overwrite_a=True))


class Trainer:
    """Trains, calibrates and measures classifiers."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._prepared: dict[str, PreparedText] = {}

    def prepare(self, text: str) -> PreparedText:
        if text not in self._prepared:
            folded = normalize_text(text)
            windows, embedded = self._embed(folded)
            readable = set(map(id, english_windows(windows, folded)))
            rows = [index for index, window in enumerate(windows) if id(window) in readable]
            self._prepared[text] = PreparedText(
                text=folded, windows=tuple(windows[index] for index in rows), embedded=embedded[rows]
            )
        return self._prepared[text]

    def make_training_set(
        self, examples: Sequence[Example], categories: tuple[str, ...], data_sha256: str
    ) -> TrainingSet:
        """Prepare the examples for training."""
        read = [self.prepare(one.text) for one in examples]
        whole = np.stack([one.whole for one in read if not is_mostly_chinese(one.text)])
        return TrainingSet.from_texts(
            [one.text for one in read], examples, categories, quantize(whole), data_sha256
        )

    def train_folds(
        self, fitting: TrainingSet, examples: Sequence[Example]
    ) -> dict[str, CategoryClassifiers]:
        """For each source, the classifiers that were trained without this source."""
        return {
            source: classifiers.load(
                classifiers.dump(fitting.fit(np.array([one.source != source for one in examples])))
            )
            for source in sorted({one.source for one in examples})
        }

    def score_held_out(
        self, folds: Mapping[str, CategoryClassifiers], examples: Sequence[Example]
    ) -> dict[Mode, Array]:
        """Scores of every example, by the classifiers that were trained without its source.

        The scores are zero in modes that do not read the example's language.
        """
        columns = len(next(iter(folds.values())).categories)
        found = {mode: np.zeros((len(examples), columns), dtype=np.float32) for mode in Mode}
        for index, one in enumerate(examples):
            for mode in Mode:
                if _reads_language(mode, one):
                    found[mode][index] = self._score(folds[one.source], mode, self.prepare(one.text))
        return found

    def count_held_out(
        self, folds: Mapping[str, CategoryClassifiers], examples: Sequence[Example], unseen: Sequence[Example]
    ) -> Figures:
        """Counts, for each source, of what the classifiers trained without this source find.

        Their operating points are chosen on `unseen`.
        """
        found_mask = np.zeros(len(examples), dtype=np.bool_)
        for source, loaded in folds.items():
            for mode in Mode:
                rows = [
                    index
                    for index, one in enumerate(examples)
                    if one.source == source and _reads_language(mode, one)
                ]
                harmless = [one for one in unseen if not one.categories and _reads_language(mode, one)]
                if rows and harmless:
                    points = choose_points([(self.scores(loaded, mode, harmless), BUDGETS[mode])])
                    scores = self.scores(loaded, mode, [examples[index] for index in rows])
                    found_mask[rows] |= (scores >= points).any(axis=1)
        return _count_by_group(
            examples, found_mask, lambda one: f"{one.source}, {'zh' if one.chinese else 'en'}"
        )

    def scores(self, loaded: CategoryClassifiers, mode: Mode, examples: Sequence[Example]) -> Array:
        """The highest score of a window of each text, one row per example."""
        return np.stack([self._score(loaded, mode, self.prepare(one.text)) for one in examples])

    def _score(self, loaded: CategoryClassifiers, mode: Mode, read: PreparedText) -> Array:
        if mode is Mode.FUSED and read.windows:
            return np.asarray(fused_scores(loaded, read.text, read.windows, read.embedded).max(axis=0))
        rows = [
            classifiers.add_any_score(loaded.gram_scores(read.text[start:end])[mode])
            for start, end in ngrams.windows(read.text)
        ] or [classifiers.add_any_score(loaded.gram_scores("")[mode])]
        return np.asarray(np.stack(rows).max(axis=0))

    def choose_operating_points(
        self,
        loaded: CategoryClassifiers,
        examples: Sequence[Example],
        held_out_scores: Mapping[Mode, Array],
        unseen: Sequence[Example],
    ) -> dict[str, Table]:
        """Slopes by Platt's method, and operating points that keep both budgets.

        `held_out_scores` are the scores of `examples` from `score_held_out`; `unseen` are prompts that are
        not in the training data.
        """
        slopes: Table = {}
        points: Table = {}
        labels = _labels(examples, loaded.categories)
        for mode in Mode:
            rows = [index for index, one in enumerate(examples) if _reads_language(mode, one)]
            scores, truth = held_out_scores[mode][rows], labels[rows]
            sets = [(scores[~truth[:, -1]], OWN_BUDGETS[mode])] if rows else []
            harmless = [one for one in unseen if not one.categories and _reads_language(mode, one)]
            if harmless:
                sets.append((self.scores(loaded, mode, harmless), BUDGETS[mode]))
            found = [
                platt_slope(scores[:, column], truth[:, column]) for column in range(len(loaded.categories))
            ]
            slopes[mode.name] = _by_category(loaded.categories, np.array(found))
            points[mode.name] = _by_category(
                loaded.categories, choose_points(sets) if sets else loaded.points[mode]
            )
        return {"slopes": slopes, "points": points}

    def is_found(self, loaded: CategoryClassifiers, examples: Sequence[Example]) -> Mask:
        """For each example, whether a detector finds anything if both are installed."""
        result = np.zeros(len(examples), dtype=np.bool_)
        for mode in Mode:
            for index, one in enumerate(examples):
                if _reads_language(mode, one):
                    row = self._score(loaded, mode, self.prepare(one.text))
                    result[index] |= bool((loaded.probabilities(row, mode) >= 0.5).any())
        return result


def quantize(rows: Array) -> npt.NDArray[np.int8]:
    """Quantize embeddings to integers from -127 to 127."""
    highest = np.maximum(np.abs(rows).max(axis=1, keepdims=True), 1e-9)
    return np.asarray(np.round(rows / highest * 127), dtype=np.int8)


def fit_examples(examples: Sequence[Example]) -> list[Example]:
    """The committed examples that are used for training. The others are held out for the report."""
    return [one for one in examples if one.split is Split.FIT]


def trainable_categories(examples: Sequence[Example]) -> tuple[str, ...]:
    """The categories with enough examples for a classifier."""
    names = sorted({name for one in examples for name in one.categories} - FACTS - LIST_CATEGORIES)
    return tuple(name for name in names if sum(name in one.categories for one in examples) >= MIN_EXAMPLES)


def refit(examples: Sequence[Example], known: npt.NDArray[np.int8], data_sha256: str) -> CategoryClassifiers:
    """Train again from the committed examples and their stored embeddings. This does not need MiniLM."""
    taken = fit_examples(examples)
    fitting = TrainingSet.from_texts(
        [normalize_text(one.text) for one in taken], taken, trainable_categories(taken), known, data_sha256
    )
    return classifiers.load(classifiers.dump(fitting.fit(np.ones(len(taken), dtype=np.bool_))))


def count_reported(trainer: Trainer, operated: CategoryClassifiers, examples: Sequence[Example]) -> Figures:
    """Number of found examples among those that are never used for training."""
    reported = [one for one in examples if one.split is Split.REPORT]
    return _count_by_group(
        reported, trainer.is_found(operated, reported), lambda one: "zh" if one.chinese else "en"
    )


def _count_by_group(
    examples: Sequence[Example], found_mask: Mask, group: Callable[[Example], str]
) -> Figures:
    figures: Figures = {}
    for one, hit in zip(examples, found_mask, strict=True):
        row = figures.setdefault(
            f"{group(one)}, {'unsafe' if one.categories else 'safe'}", {"n": 0, "found": 0}
        )
        row["n"] += 1
        row["found"] += int(hit)
    return dict(sorted(figures.items()))


def _reads_language(mode: Mode, example: Example) -> bool:
    return example.chinese is (mode is Mode.GRAMS_CHINESE)


def _by_category(categories: Sequence[str], values: npt.NDArray[Any]) -> dict[str, float]:
    return {name: round(float(value), 4) for name, value in zip(categories, values, strict=True)}


def _labels(examples: Sequence[Example], categories: tuple[str, ...]) -> Mask:
    return np.array(
        [[*(name in one.categories for name in categories), bool(one.categories)] for one in examples],
        dtype=np.bool_,
    )


def _targets(examples: Sequence[Example], categories: tuple[str, ...]) -> Exact:
    """Targets: 1 if an example is of the category, -1 if it is not, 0 if its labels do not decide this.

    A label of a more specific category does not exclude a related or more general one.
    """
    names = (*categories, ANY)
    akin = {("hate/symbols", "hate"), ("extremism", "hate"), ("harassment", "hate"), ("ncii", "sexual")}
    akin |= {("ncii", "harassment"), ("extremism", "violence"), *PARENTS.items()}
    known = akin | {(second, first) for first, second in akin}
    labels = _labels(examples, categories)
    found = np.where(labels, 1.0, -1.0)
    for row, one in enumerate(examples):
        for column, name in enumerate(names):
            if not labels[row, column] and any((given, name) in known for given in one.categories):
                found[row, column] = 0.0
    return found


def _single_thread() -> Any:
    """Limits computations to one thread, because sums in several threads give slightly different results
    each time.
    """
    return importlib.import_module("threadpoolctl").threadpool_limits(1)


def gram_matrix(texts: Sequence[str]) -> Any:
    """The n-grams of folded texts as rows of a sparse matrix. Only the beginning of a long text is used."""
    sparse = importlib.import_module("scipy.sparse")

    if not texts:
        return sparse.csr_matrix((0, ngrams.SIZE))
    indices, values, pointers = [], [], [0]
    for text in texts:
        buckets, weights = ngrams.features(text[: 4 * ngrams.WINDOW_CHARS])
        indices.append(buckets)
        values.append(weights)
        pointers.append(pointers[-1] + len(buckets))
    return sparse.csr_matrix(
        (np.concatenate(values).astype(np.float64), np.concatenate(indices), pointers),
        shape=(len(texts), ngrams.SIZE),
    )


def platt_slope(scores: Array, truth: Mask) -> float:
    """Platt's slope by Newton's method. Harmful and harmless examples have equal total weight."""
    if not truth.any() or truth.all():
        return 1.0
    x = np.stack([scores.astype(np.float64), np.ones(len(scores))], axis=1)
    weight = np.where(truth, 0.5 / truth.mean(), 0.5 / (1 - truth.mean()))
    line = np.zeros(2)
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(x @ line, -30, 30)))
        gradient = x.T @ (weight * (chance - truth)) + 1e-3 * line
        curve = (x * (weight * chance * (1 - chance))[:, None]).T @ x + 1e-3 * np.eye(2)
        line -= np.clip(np.linalg.solve(curve, gradient), -2, 2)
    return float(np.clip(line[0], 0.3, 6.0))


def choose_points(sets: Sequence[tuple[Array, float]]) -> Array:
    """The lowest operating points that keep the budget of every set. A budget limits the fraction of rows
    that reach any point.

    For all categories, the points are at the same distance into the tail of the last set, so that the search
    is over a single number.
    """
    tail = sets[-1][0]
    middle, high = np.quantile(tail, 0.5, axis=0), np.quantile(tail, 0.99, axis=0)
    points = middle
    for step in range(20, 200):
        points = middle + step / 20 * (high - middle)
        if all((scores >= points).any(axis=1).mean() <= budget for scores, budget in sets):
            break
    return np.asarray(points, dtype=np.float32)
