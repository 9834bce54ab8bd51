"""How the heads are made. Needs SciPy and the MiniLM weights, which a user does not.

Ridge regression in closed form: over n-grams alone, in English and in Chinese, and over n-grams beside
likeness of MiniLM's embeddings to those of the examples. So the same examples and embeddings give the same
numbers. Slopes and operating points come from scores by heads that saw nothing of the same writer.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from . import classifiers, ngrams
from .chinese import mostly_chinese
from .classifier_detectors import english, fused_scores, whole_text_score
from .classifiers import ANY, ClassifierHeads, Mode
from .minilm.encoder import TokenWindow
from .normalise import texts_of, views
from .training_data import FACTS, LISTS_ONLY, PARENTS, Example, Split

Array: TypeAlias = npt.NDArray[np.float32]
Exact: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]
Arrays: TypeAlias = dict[str, npt.NDArray[Any]]
#: By mode and category.
Table: TypeAlias = dict[str, dict[str, float]]
#: How many there were and how many were found, by group.
Figures: TypeAlias = dict[str, dict[str, int]]

#: Fewer committed examples than this make no head; the lists have the category to themselves.
MIN_EXAMPLES = 20
#: How many harmless prompts of sources nobody learned from may be found in any category, by mode.
BUDGETS = {Mode.GRAMS: 0.0005, Mode.GRAMS_CHINESE: 0.005, Mode.FUSED: 0.004}
#: The same for our own harmless prompts, half of which are made to sound harmful.
OWN_BUDGETS = {Mode.GRAMS: 0.01, Mode.GRAMS_CHINESE: 0.1, Mode.FUSED: 0.15}
#: How stiff the fits are, what n-grams count beside an embedding, what a target of one is worth as a score.
STIFF_ALONE, STIFF_BESIDE, GRAMS_COUNT, SCALE = 0.3, 0.5, 0.5, 4.0


@dataclass(frozen=True, kw_only=True)
class Read:
    """A text as the detectors read it: folded, in windows, embedded."""

    text: str
    windows: tuple[TokenWindow, ...]
    embedded: Array

    @property
    def whole(self) -> Array:
        """The text's own embedding, as `fused_scores` makes it."""
        if not self.windows:
            return np.zeros(self.embedded.shape[1], dtype=np.float32)
        return whole_text_score(self.windows, self.embedded)


#: Windows of a folded text, and their embeddings.
Embed: TypeAlias = Callable[[str], tuple[Sequence[TokenWindow], Array]]


@dataclass(frozen=True, kw_only=True)
class TrainingSet:
    """Examples ready to be fitted to, all of them or some. Chinese ones have n-grams only."""

    categories: tuple[str, ...]
    data_sha256: str
    #: By language (Chinese or not): places among the examples, n-grams, targets, and likeness by n-grams.
    places: Mapping[bool, npt.NDArray[np.intp]]
    grams: Mapping[bool, Any]
    targets: Mapping[bool, Exact]
    alike: Mapping[bool, Exact]
    #: Embeddings in steps, and likeness by them, of those that are not Chinese.
    known: npt.NDArray[np.int8]
    near: Exact

    @classmethod
    def of(
        cls,
        folded: Sequence[str],
        examples: Sequence[Example],
        categories: tuple[str, ...],
        known: npt.NDArray[np.int8],
        data_sha256: str,
    ) -> TrainingSet:
        """From folded texts, and the embeddings of those that are not Chinese, in their order."""
        chinese = np.array([mostly_chinese(text) for text in folded], dtype=np.bool_)
        places = {script: np.flatnonzero(chinese == script) for script in (False, True)}
        grams = {
            script: gram_matrix([folded[index] for index in rows.tolist()]) for script, rows in places.items()
        }
        targets = _targets(examples, categories)
        units = classifiers.unit(known).astype(np.float64)
        with _one_thread():
            return cls(
                categories=categories,
                data_sha256=data_sha256,
                places=places,
                grams=grams,
                targets={script: targets[rows] for script, rows in places.items()},
                alike={script: np.asarray((rows @ rows.T).todense()) for script, rows in grams.items()},
                known=known,
                near=classifiers.nearness(units @ units.T),
            )

    def weights(self, wanted: Mask) -> Arrays:
        """The arrays for `heads.dump`, fitted to the chosen examples only."""
        with _one_thread():
            english, chinese = (np.flatnonzero(wanted[self.places[script]]) for script in (False, True))
            alone = self._solved(self.alike[False] + 1, False, english, STIFF_ALONE)
            native = self._solved(self.alike[True] + 1, True, chinese, STIFF_ALONE)
            pull = self._solved(self.near + GRAMS_COUNT * self.alike[False], False, english, STIFF_BESIDE)
            weight = np.stack(
                [
                    (self.grams[False][english].T @ alone).T,
                    (self.grams[True][chinese].T @ native).T,
                    GRAMS_COUNT * (self.grams[False][english].T @ pull).T,
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
            "known": self.known[english],
            "pull": pull.astype(np.float16),
        }

    def _solved(self, kernel: Exact, script: bool, rows: npt.NDArray[np.intp], stiffness: float) -> Exact:
        """How much each of the rows pulls each column."""
        targets = self.targets[script][rows]
        if not len(rows):
            return np.zeros((0, targets.shape[1]))
        solve = importlib.import_module("scipy.linalg").solve
        chosen = kernel[np.ix_(rows, rows)] + stiffness * np.eye(len(rows))
        return np.asarray(SCALE * solve(chosen, targets, assume_a="pos", overwrite_a=True))


class Trainer:
    """Fits, calibrates and measures."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._known: dict[str, Read] = {}

    def read(self, text: str) -> Read:
        if text not in self._known:
            folded = cross_validation_fold(text)
            windows, embedded = self._embed(folded)
            kept = set(map(id, english(windows, folded)))
            rows = [index for index, window in enumerate(windows) if id(window) in kept]
            self._known[text] = Read(
                text=folded, windows=tuple(windows[index] for index in rows), embedded=embedded[rows]
            )
        return self._known[text]

    def fitting(
        self, examples: Sequence[Example], categories: tuple[str, ...], data_sha256: str
    ) -> TrainingSet:
        """The examples, read."""
        read = [self.read(one.text) for one in examples]
        whole = np.stack([one.whole for one in read if not mostly_chinese(one.text)])
        return TrainingSet.of([one.text for one in read], examples, categories, in_steps(whole), data_sha256)

    def folds(self, fitting: TrainingSet, examples: Sequence[Example]) -> dict[str, ClassifierHeads]:
        """By source: heads that saw no example of it."""
        return {
            source: classifiers.load(
                classifiers.dump(fitting.weights(np.array([one.source != source for one in examples])))
            )
            for source in sorted({one.source for one in examples})
        }

    def across_writers(
        self, folds: Mapping[str, ClassifierHeads], examples: Sequence[Example]
    ) -> dict[Mode, Array]:
        """Combined scores of every example by heads that saw none of its source; zeros where not read."""
        columns = len(next(iter(folds.values())).categories)
        found = {mode: np.zeros((len(examples), columns), dtype=np.float32) for mode in Mode}
        for index, one in enumerate(examples):
            for mode in Mode:
                if _reads(mode, one):
                    found[mode][index] = self._score(folds[one.source], mode, self.read(one.text))
        return found

    def across_figures(
        self, folds: Mapping[str, ClassifierHeads], examples: Sequence[Example], unseen: Sequence[Example]
    ) -> Figures:
        """By source: what heads that saw nothing of it find of it, at points chosen for them on `unseen`."""
        seen = np.zeros(len(examples), dtype=np.bool_)
        for source, loaded in folds.items():
            for mode in Mode:
                rows = [
                    index for index, one in enumerate(examples) if one.source == source and _reads(mode, one)
                ]
                benign = [one for one in unseen if not one.categories and _reads(mode, one)]
                if rows and benign:
                    points = chosen_points([(self.scores(loaded, mode, benign), BUDGETS[mode])])
                    scores = self.scores(loaded, mode, [examples[index] for index in rows])
                    seen[rows] |= (scores >= points).any(axis=1)
        return _counted_up(examples, seen, lambda one: f"{one.source}, {'zh' if one.chinese else 'en'}")

    def scores(self, loaded: ClassifierHeads, mode: Mode, examples: Sequence[Example]) -> Array:
        """The highest combined score of each text's parts, one row per example."""
        return np.stack([self._score(loaded, mode, self.read(one.text)) for one in examples])

    def _score(self, loaded: ClassifierHeads, mode: Mode, read: Read) -> Array:
        if mode is Mode.FUSED and read.windows:
            return np.asarray(fused_scores(loaded, read.text, read.windows, read.embedded).max(axis=0))
        rows = [
            classifiers.combined(loaded.gram_scores(read.text[start:end])[mode])
            for start, end in ngrams.windows(read.text)
        ] or [classifiers.combined(loaded.gram_scores("")[mode])]
        return np.asarray(np.stack(rows).max(axis=0))

    def operating(
        self,
        loaded: ClassifierHeads,
        examples: Sequence[Example],
        across: Mapping[Mode, Array],
        unseen: Sequence[Example],
    ) -> dict[str, Table]:
        """Slopes by Platt's method, and points that keep to both budgets.

        `across` are the scores of `examples` by `across_writers`; `unseen` are prompts nobody fitted.
        """
        slopes: Table = {}
        points: Table = {}
        every = _labels(examples, loaded.categories)
        for mode in Mode:
            rows = [index for index, one in enumerate(examples) if _reads(mode, one)]
            scores, truth = across[mode][rows], every[rows]
            sets = [(scores[~truth[:, -1]], OWN_BUDGETS[mode])] if rows else []
            benign = [one for one in unseen if not one.categories and _reads(mode, one)]
            if benign:
                sets.append((self.scores(loaded, mode, benign), BUDGETS[mode]))
            found = [slope(scores[:, column], truth[:, column]) for column in range(len(loaded.categories))]
            slopes[mode.name] = _named(loaded.categories, np.array(found))
            points[mode.name] = _named(
                loaded.categories, chosen_points(sets) if sets else loaded.points[mode]
            )
        return {"slopes": slopes, "points": points}

    def found(self, loaded: ClassifierHeads, examples: Sequence[Example]) -> Mask:
        """Whether either detector finds anything, as both are installed."""
        result = np.zeros(len(examples), dtype=np.bool_)
        for mode in Mode:
            for index, one in enumerate(examples):
                if _reads(mode, one):
                    row = self._score(loaded, mode, self.read(one.text))
                    result[index] |= bool((loaded.probabilities(row, mode) >= 0.5).any())
        return result


def cross_validation_fold(text: str) -> str:
    """A text as the heads read it."""
    return texts_of(views(text))[0].text


def in_steps(rows: Array) -> npt.NDArray[np.int8]:
    """Embeddings in 127 steps either way."""
    highest = np.maximum(np.abs(rows).max(axis=1, keepdims=True), 1e-9)
    return np.asarray(np.round(rows / highest * 127), dtype=np.int8)


def fitted(examples: Sequence[Example]) -> list[Example]:
    """Those of the committed examples that are fitted; the others are kept out."""
    return [one for one in examples if one.part is Split.FIT]


def categories_of(examples: Sequence[Example]) -> tuple[str, ...]:
    """The categories with enough examples for a head."""
    names = sorted({name for one in examples for name in one.categories} - FACTS - LISTS_ONLY)
    return tuple(name for name in names if sum(name in one.categories for one in examples) >= MIN_EXAMPLES)


def refitted(own: Sequence[Example], known: npt.NDArray[np.int8], data_sha256: str) -> ClassifierHeads:
    """The heads again from the committed examples and the embeddings they had; needs no MiniLM."""
    taken = fitted(own)
    fitting = TrainingSet.of(
        [cross_validation_fold(one.text) for one in taken], taken, categories_of(taken), known, data_sha256
    )
    return classifiers.load(classifiers.dump(fitting.weights(np.ones(len(taken), dtype=np.bool_))))


def kept_out_figures(trainer: Trainer, operated: ClassifierHeads, own: Sequence[Example]) -> Figures:
    """How much of the part that is never fitted is found."""
    kept = [one for one in own if one.part is Split.REPORT]
    return _counted_up(kept, trainer.found(operated, kept), lambda one: "zh" if one.chinese else "en")


def _counted_up(examples: Sequence[Example], seen: Mask, group: Callable[[Example], str]) -> Figures:
    told: Figures = {}
    for one, hit in zip(examples, seen, strict=True):
        row = told.setdefault(f"{group(one)}, {'unsafe' if one.categories else 'safe'}", {"n": 0, "found": 0})
        row["n"] += 1
        row["found"] += int(hit)
    return dict(sorted(told.items()))


def _reads(mode: Mode, example: Example) -> bool:
    return example.chinese is (mode is Mode.GRAMS_CHINESE)


def _named(categories: Sequence[str], values: npt.NDArray[Any]) -> dict[str, float]:
    return {name: round(float(value), 4) for name, value in zip(categories, values, strict=True)}


def _labels(examples: Sequence[Example], categories: tuple[str, ...]) -> Mask:
    return np.array(
        [[*(name in one.categories for name in categories), bool(one.categories)] for one in examples],
        dtype=np.bool_,
    )


def _targets(examples: Sequence[Example], categories: tuple[str, ...]) -> Exact:
    """1 where an example is one of the category, -1 where not, and 0 where it says nothing about it:
    a more particular sin says nothing against a general one."""
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


def _one_thread() -> Any:
    """Sums in several threads come out different each time."""
    return importlib.import_module("threadpoolctl").threadpool_limits(1)


def gram_matrix(texts: Sequence[str]) -> Any:
    """N-grams of folded texts as rows of a sparse matrix; of a long text the beginning."""
    sparse = importlib.import_module("scipy.sparse")

    if not texts:
        return sparse.csr_matrix((0, ngrams.SIZE))
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


def slope(scores: Array, truth: Mask) -> float:
    """Platt's slope by Newton's method, with harmful and harmless weighing the same."""
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


def chosen_points(sets: Sequence[tuple[Array, float]]) -> Array:
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
