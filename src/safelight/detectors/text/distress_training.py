"""How the head for distress is made. Needs scikit-learn and the MiniLM weights, which a user does not.

Its operating points are generous: help is offered to so many harmless prompts, so that nobody who asks for
it in other words than ours goes without.
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import ngrams
from .chinese import mostly_chinese
from .classifiers import Mode
from .distress import Array, DistressHead, load
from .training import Read, Trainer, gram_matrix
from .training_data import Example

WANTED = frozenset({"self-harm/intent", "self-harm/instructions"})
#: The part of harmless prompts nobody learned from that is offered help, by mode.
BUDGETS = {Mode.GRAMS: 0.01, Mode.GRAMS_CHINESE: 0.05, Mode.FUSED: 0.04}


def fit(trainer: Trainer, own: Sequence[Example], unseen: Sequence[Example]) -> bytes:
    """The file `distress.load` reads: fitted to all of `own`, operating points from `unseen`.

    Deterministic on one kind of machine.
    """
    linear = importlib.import_module("sklearn.linear_model")
    read = [trainer.read(one.text) for one in own]
    wanted = np.array([bool(WANTED & set(one.categories)) for one in own])
    grams = gram_matrix([one.text for one in read])
    seen = np.array([bool(one.windows) for one in read])
    embedded = np.stack([one.whole for one in read if one.windows])
    # Sums in several threads come out different each time.
    with importlib.import_module("threadpoolctl").threadpool_limits(1):
        spelt = linear.LogisticRegression(C=60, class_weight="balanced", solver="liblinear", random_state=0)
        spelt.fit(grams, wanted)
        meant = linear.LogisticRegression(C=30, class_weight="balanced", solver="lbfgs", max_iter=300)
        meant.fit(embedded, wanted[seen])
        # The two count alike: each in units of its own spread.
        spreads = [
            float(spelt.decision_function(grams).std()),
            float(meant.decision_function(embedded).std()),
        ]
    arrays = {
        "features": np.array(ngrams.FEATURES),
        "grams": (spelt.coef_[0] / spreads[0]).astype(np.float16),
        "gram_bias": np.array(spelt.intercept_[0] / spreads[0], dtype=np.float32),
        "line": (meant.coef_[0] / spreads[1]).astype(np.float16),
        "line_bias": np.array(meant.intercept_[0] / spreads[1], dtype=np.float32),
        "points": np.zeros(len(Mode), dtype=np.float32),
    }
    head = load(_dumped(arrays))
    for mode, budget in BUDGETS.items():
        harmless = [trainer.read(one.text) for one in unseen if not one.categories]
        scores = [
            head.score(one.text, _rows(one) if mode is Mode.FUSED else None)
            for one in harmless
            if mostly_chinese(one.text) is (mode is Mode.GRAMS_CHINESE)
        ]
        if scores:
            arrays["points"][mode] = np.quantile(np.array(scores), 1 - budget)
    return _dumped(arrays)


def offered(trainer: Trainer, head: DistressHead, examples: Sequence[Example]) -> int:
    """To how many of these help is offered by this head, as both detectors are installed."""
    count = 0
    for one in examples:
        read = trainer.read(one.text)
        count += head.seen(read.text) or (bool(read.windows) and head.seen(read.text, _rows(read)))
    return count


def _rows(read: Read) -> Array | None:
    return np.concatenate([read.whole[None], read.embedded]) if read.windows else None


def _dumped(arrays: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **arrays)
    return out.getvalue()
