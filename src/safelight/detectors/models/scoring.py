"""Computes raw scores per category with a loaded model. This code runs in the model process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from safelight.detectors.protocol import Keyframe

from .batches import run_in_batches
from .preprocessing import Pixels
from .runtimes import LoadedModel, load_runtime
from .specs import ModelKind, ModelSpec
from .weights import verify_files

#: Cosines of different pictures differ only a little. This factor scales the differences to about 1.
_COSINE_SCALE = 100.0
_MIN_PROBABILITY = 1e-6


def load(options: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Make the function that answers requests of the form `{"keyframes": [...]}` with raw scores by
    category.

    The weights are verified first. Raises `WeightsChanged` if they differ from the downloaded weights.
    """
    folder, spec = Path(options["folder"]), msgspec.convert(options["spec"], ModelSpec)
    identity = verify_files(folder)
    scorer = Scorer(load_runtime(folder, spec), spec)

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        keyframes = [Keyframe(**{**raw, "path": Path(raw["path"])}) for raw in request["keyframes"]]
        return {
            "weights": identity,
            "rows": scorer.score_images([keyframe.pixels() for keyframe in keyframes]),
        }

    return answer


class Scorer:
    """Computes raw scores of pictures.

    Zero-shot models: how much closer a picture is to a category's prompts than to the harmless prompts.
    Classifiers: the log-odds of the category's labels.
    """

    def __init__(self, model: LoadedModel, spec: ModelSpec) -> None:
        self._model, self._spec = model, spec
        if spec.kind is ModelKind.ZERO_SHOT:
            self._harmless = model.embed_texts(list(spec.negative_prompts))
            self._prompts = {name: model.embed_texts(list(texts)) for name, texts in spec.prompts.items()}
        else:
            missing = sorted(set(spec.labels) - set(model.labels))
            if missing:
                raise ValueError(f"the model has no label {missing[0]!r}; it has {', '.join(model.labels)}")

    def score_images(self, pictures: Sequence[Pixels]) -> list[dict[str, float]]:
        """Scores by category, one mapping per picture; a video classifier returns one for all pictures."""
        if self._spec.kind is ModelKind.VIDEO:
            return self._classify(list(pictures))
        run = self._compare_with_prompts if self._spec.kind is ModelKind.ZERO_SHOT else self._classify
        return run_in_batches(pictures, lambda part: run(list(part)), size=self._spec.batch)

    def _compare_with_prompts(self, pictures: list[Pixels]) -> list[dict[str, float]]:
        embeddings = self._model.embed_images(pictures)
        harmless = (embeddings @ self._harmless.T).max(axis=1)
        margins = {name: (embeddings @ rows.T).max(axis=1) - harmless for name, rows in self._prompts.items()}
        return [
            {name: float(_COSINE_SCALE * margin[place]) for name, margin in margins.items()}
            for place in range(len(pictures))
        ]

    def _classify(self, pictures: list[Pixels]) -> list[dict[str, float]]:
        probabilities = self._model.classify(pictures)
        rows = []
        for row in probabilities:
            by_category: dict[str, float] = {}
            for label, probability in zip(self._model.labels, row.tolist(), strict=True):
                if (category := self._spec.labels.get(label)) is not None:
                    by_category[category] = by_category.get(category, 0.0) + probability
            rows.append({name: _log_odds(total) for name, total in by_category.items()})
        return rows


def _log_odds(probability: float) -> float:
    inside = min(max(probability, _MIN_PROBABILITY), 1 - _MIN_PROBABILITY)
    return float(np.log(inside / (1 - inside)))
