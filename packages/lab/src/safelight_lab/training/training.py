"""Trains the text classifiers. Needs SciPy, wordfreq and the MiniLM weights, which an ordinary installation
does not need.

Each voice is a multinomial logistic regression with a class for harmless text. To choose operating points,
every text is scored by a model that was fitted without its fold: families stay together, and each source of
captions is one fold.
"""

from __future__ import annotations

import hashlib
import importlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from safelight.detectors.text.classifiers import NONE, Array, VoiceClassifier
from safelight.detectors.text.languages import Language, LanguageSplitter
from safelight.detectors.text.normalise import normalize_text
from safelight.detectors.text.readings import Reader
from safelight.detectors.text.word_grams import Vocabulary

from .calibration import ScoredText
from .training_data import Example, Split

Arrays: TypeAlias = dict[str, npt.NDArray[Any]]

#: The classes of every model, without the harmless one. Other categories are covered by lists.
CLASSES = (
    "sexual",
    "violence",
    "violence/graphic",
    "hate",
    "harassment",
    "extremism",
    "illicit",
    "self-harm",
    "self-harm/intent",
    "deception",
    "privacy",
    "ncii",
)
#: A harmful text of the first category (key) is trained as the second (value).
_TRAINED_AS = {"hate/symbols": "hate", "deception/speech": "deception", "self-harm/instructions": "self-harm"}
#: The second category is dropped if a text has the first, more specific one.
_MORE_SPECIFIC = {"violence/graphic": "violence", "self-harm/intent": "self-harm"}
FOLDS = 5
#: Per cent of the frequent words and groups of words that are fitted.
FITTED_WORDS = 35
#: Sources of captions and of chats, each held out as a whole.
_SOURCE_FOLDS = {"coco_captions": 0, "vbench": 1, "vbench_long": 1, "vbench_zh": 2, "openai_moderation": 3}
#: An n-gram is a feature if at least this number of training texts contain it.
MIN_TEXTS = 2
#: Inverse regularisation strength, and the weight of an embedding against n-grams.
STRENGTH, EMBEDDING_WEIGHT = 5.0, 3.0
_TOLERANCE, _ITERATIONS = 1e-5, 150


@dataclass(frozen=True, kw_only=True)
class TrainingText:
    """An example as one model reads it."""

    example: Example
    language: Language
    length: str
    #: The classes of the text; empty if it is harmful in a category that has no class.
    classes: tuple[str, ...]
    #: The hashed n-grams and embeddings of the whole text and of its windows.
    grams: tuple[npt.NDArray[np.uint32], ...]
    embeddings: Array
    listed: frozenset[str] = frozenset()

    @property
    def held_out(self) -> bool:
        """Whether the text is kept for the report."""
        return self.example.source not in _SOURCE_FOLDS and self.example.split is Split.REPORT

    @property
    def fold(self) -> int:
        return fold_of(self.example)

    @property
    def fitted(self) -> bool:
        """Whether the text is fitted at all. Joined texts and most frequent words only calibrate."""
        source = self.example.source
        if source.startswith(("words-", "word-groups-")):
            return _number(f"fitted {self.example.family}") % 100 < FITTED_WORDS
        return not source.startswith("joined-") and not self.held_out


def fold_of(example: Example) -> int:
    """The fold of an example. All examples of a family have the same fold."""
    if example.source in _SOURCE_FOLDS:
        return _SOURCE_FOLDS[example.source]
    return _number(f"fold {example.family}") % FOLDS


def _number(text: str) -> int:
    return int(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8], 16)


def read_texts(
    examples: Sequence[Example],
    reader: Reader,
    splitter: LanguageSplitter,
    find_listed: Callable[[str], frozenset[str]],
) -> list[TrainingText]:
    """The examples as a model reads them. Examples without a word in their language are left out."""
    found = []
    for one in examples:
        folded = normalize_text(one.text)
        parts = [
            part
            for part in splitter.split(folded, one.text)
            if (part.language is not Language.ENGLISH) is one.chinese
        ]
        reading = reader(parts[0].text) if parts else None
        if reading is None:
            continue
        found.append(
            TrainingText(
                example=one,
                language=parts[0].language,
                length=parts[0].length,
                classes=classes_of(one),
                grams=reading.grams,
                embeddings=reading.embeddings.astype(np.float16),
                listed=frozenset() if one.categories else find_listed(one.text),
            )
        )
    return found


def classes_of(example: Example) -> tuple[str, ...]:
    """The classes for which an example is trained."""
    if not example.categories:
        return (NONE,)
    named = {_TRAINED_AS.get(one, one) for one in example.categories}
    named -= {general for special, general in _MORE_SPECIFIC.items() if special in named}
    return tuple(sorted(named & set(CLASSES)))


class VoiceTrainer:
    """Trains one model on the texts that it reads."""

    def __init__(self, texts: Sequence[TrainingText], context: Sequence[TrainingText] = ()) -> None:
        """`context` are texts in another language that are always fitted and never scored."""
        self._texts = texts
        self._all = [one for one in (*texts, *context) if one.classes]
        self._own = np.array(
            [index < len(texts) for index, one in enumerate((*texts, *context)) if one.classes]
        )
        self._fitted = np.array([one.fitted for one in self._all])
        self._folds = np.array([one.fold for one in self._all])
        # The vocabulary, which knows no labels, is the same for all folds.
        self._vocabulary = make_vocabulary([one.grams[0] for one in self._all if one.fitted])
        self._grams = _gram_matrix(self._vocabulary, self._all)
        self._embedded = EMBEDDING_WEIGHT * np.stack([one.embeddings[0] for one in self._all]).astype(
            np.float32
        )
        self._present = [NONE, *(name for name in CLASSES if any(name in one.classes for one in self._all))]
        self._labels = np.array(
            [[(name in one.classes) / len(one.classes) for name in self._present] for one in self._all],
            dtype=np.float32,
        )

    def fit(self, without_fold: int | None = None) -> Arrays:
        """The arrays of a model that is fitted to all texts but those held out and those of one fold."""
        rows = np.flatnonzero(self._fitted & (~self._own | (self._folds != without_fold)))
        # Sums in several threads give slightly different results each time.
        with importlib.import_module("threadpoolctl").threadpool_limits(1):
            of_grams, of_embedding, bias = fit_softmax(
                self._grams[rows], self._embedded[rows], self._labels[rows]
            )
        scale = np.maximum(np.abs(of_grams).max(axis=0), 1e-9) / 127
        return {
            "classes": np.array(self._present),
            "hashes": self._vocabulary.hashes,
            "rarity": self._vocabulary.rarity.astype(np.float16),
            "levels": np.round(of_grams / scale).astype(np.int8),
            "scale": scale.astype(np.float32),
            "embedding": (EMBEDDING_WEIGHT * of_embedding).astype(np.float16),
            "bias": bias.astype(np.float32),
        }

    def score_unseen(self) -> list[ScoredText]:
        """Every text that is not held out, scored by a model without its fold."""
        found = []
        for fold in range(FOLDS):
            model = VoiceClassifier.from_arrays(self.fit(without_fold=fold))
            found += score_texts(model, [one for one in self._texts if not one.held_out and one.fold == fold])
        return found


def fit_softmax(grams: Any, embedded: Array, labels: Array) -> tuple[Array, Array, Array]:
    """Multinomial logistic regression with shares of classes as labels: weights of n-grams, weights of the
    embedding, and bias.
    """
    size, classes = grams.shape[1], labels.shape[1]
    width = embedded.shape[1]
    across = grams.T.tocsr()

    def loss(flat: Array) -> tuple[float, Array]:
        weights = flat.reshape(size + width + 1, classes)
        scores = grams @ weights[:size] + embedded @ weights[size:-1].astype(np.float32) + weights[-1]
        scores -= scores.max(axis=1, keepdims=True)
        logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        wrong = np.exp(logs) - labels
        value = -float((labels * logs).sum()) + 0.5 / STRENGTH * float((weights[:-1] ** 2).sum())
        slope = np.empty_like(weights)
        slope[:size] = across @ wrong
        slope[size:-1] = embedded.T @ wrong.astype(np.float32)
        slope[-1] = wrong.sum(axis=0)
        slope[:-1] += weights[:-1] / STRENGTH
        return value, slope.ravel()

    minimize = importlib.import_module("scipy.optimize").minimize
    found = minimize(
        loss,
        np.zeros((size + width + 1) * classes),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": _ITERATIONS, "maxcor": 10, "ftol": _TOLERANCE},
    )
    weights = found.x.reshape(size + width + 1, classes).astype(np.float32)
    return weights[:size], weights[size:-1], weights[-1]


def _gram_matrix(vocabulary: Vocabulary, taken: Sequence[TrainingText]) -> Any:
    vectors = [vocabulary.vector_of(one.grams[0]) for one in taken]
    return importlib.import_module("scipy.sparse").csr_matrix(
        (
            np.concatenate([values for _columns, values in vectors]),
            np.concatenate([columns for columns, _values in vectors]),
            np.cumsum([0, *(len(columns) for columns, _values in vectors)]),
        ),
        shape=(len(vectors), len(vocabulary.hashes)),
    )


def make_vocabulary(hashed: Sequence[npt.NDArray[np.uint32]]) -> Vocabulary:
    """The n-grams that several of these texts contain."""
    counts = Counter(int(number) for found in hashed for number in np.unique(found))
    hashes = np.array(sorted(one for one, count in counts.items() if count >= MIN_TEXTS), dtype=np.uint32)
    rarity = np.log((1 + len(hashed)) / (1 + np.array([counts[int(one)] for one in hashes]))) + 1
    return Vocabulary(hashes=hashes, rarity=rarity.astype(np.float16).astype(np.float32))


def score_texts(model: VoiceClassifier, texts: Sequence[TrainingText]) -> list[ScoredText]:
    """The texts with the highest log-odds of their rows."""
    return [
        ScoredText(
            example=one.example,
            language=one.language,
            length=one.length,
            odds=model.log_odds(one.grams, one.embeddings.astype(np.float32)).max(axis=0),
            listed=one.listed,
        )
        for one in texts
    ]
