"""Trains the distress classifier. Needs scikit-learn and the MiniLM weights, which an ordinary
installation does not need.

The operating points accept many false alarms, so that people are also offered help if they express distress
in other words than our examples.
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import ngrams
from .chinese import is_mostly_chinese
from .classifiers import Mode
from .distress import Array, DistressClassifier, load
from .training import PreparedText, Trainer, gram_matrix
from .training_data import Example

DISTRESS_CATEGORIES = frozenset({"self-harm/intent", "self-harm/instructions"})
#: Largest fraction of harmless prompts outside the training data that may be offered help, by mode.
BUDGETS = {Mode.GRAMS: 0.01, Mode.GRAMS_CHINESE: 0.05, Mode.FUSED: 0.04}


def fit(trainer: Trainer, examples: Sequence[Example], unseen: Sequence[Example]) -> bytes:
    """Train on all of `examples`, choose operating points on `unseen`, and return the file that
    `distress.load` reads.

    The result is the same for every run on the same kind of machine.
    """
    linear = importlib.import_module("sklearn.linear_model")
    prepared = [trainer.prepare(one.text) for one in examples]
    is_distress = np.array([bool(DISTRESS_CATEGORIES & set(one.categories)) for one in examples])
    gram_rows = gram_matrix([one.text for one in prepared])
    has_embedding = np.array([bool(one.windows) for one in prepared])
    embedded = np.stack([one.whole for one in prepared if one.windows])
    # Sums in several threads give slightly different results each time.
    with importlib.import_module("threadpoolctl").threadpool_limits(1):
        gram_model = linear.LogisticRegression(
            C=60, class_weight="balanced", solver="liblinear", random_state=0
        )
        gram_model.fit(gram_rows, is_distress)
        embedding_model = linear.LogisticRegression(
            C=30, class_weight="balanced", solver="lbfgs", max_iter=300
        )
        embedding_model.fit(embedded, is_distress[has_embedding])
        # Both parts have equal weight: each is divided by its own standard deviation.
        spreads = [
            float(gram_model.decision_function(gram_rows).std()),
            float(embedding_model.decision_function(embedded).std()),
        ]
    arrays = {
        "features": np.array(ngrams.FEATURES),
        "grams": (gram_model.coef_[0] / spreads[0]).astype(np.float16),
        "gram_bias": np.array(gram_model.intercept_[0] / spreads[0], dtype=np.float32),
        "line": (embedding_model.coef_[0] / spreads[1]).astype(np.float16),
        "line_bias": np.array(embedding_model.intercept_[0] / spreads[1], dtype=np.float32),
        "points": np.zeros(len(Mode), dtype=np.float32),
    }
    classifier = load(_encode(arrays))
    for mode, budget in BUDGETS.items():
        harmless = [trainer.prepare(one.text) for one in unseen if not one.categories]
        scores = [
            classifier.score(one.text, _rows(one) if mode is Mode.FUSED else None)
            for one in harmless
            if is_mostly_chinese(one.text) is (mode is Mode.GRAMS_CHINESE)
        ]
        if scores:
            arrays["points"][mode] = np.quantile(np.array(scores), 1 - budget)
    return _encode(arrays)


def count_offered(trainer: Trainer, classifier: DistressClassifier, examples: Sequence[Example]) -> int:
    """Number of these examples for which help is offered with this classifier, if both detectors are
    installed.
    """
    count = 0
    for one in examples:
        prepared = trainer.prepare(one.text)
        count += classifier.matches(prepared.text) or (
            bool(prepared.windows) and classifier.matches(prepared.text, _rows(prepared))
        )
    return count


def _rows(prepared: PreparedText) -> Array | None:
    return np.concatenate([prepared.whole[None], prepared.embedded]) if prepared.windows else None


def _encode(arrays: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **arrays)
    return out.getvalue()
