"""A loaded model and what it is asked, to raw scores by category. Runs in the model process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from safelight.detectors.protocol import Keyframe

from .batches import in_batches
from .preprocessing import Pixels
from .runtimes import LoadedModel, load_runtime
from .specs import ModelKind, ModelSpec
from .weights import verify_files

#: Differences of cosines are small; this brings them to the order of one.
_SCALE = 100.0
_EDGE = 1e-6


def load(options: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """What a model process answers with: `{"stills": [...]}` to rows of raw scores by category.

    The weights are hashed first, and refused where they are not what was pulled.
    """
    folder, spec = Path(options["folder"]), msgspec.convert(options["spec"], ModelSpec)
    identity = verify_files(folder)
    scorer = Scorer(load_runtime(folder, spec), spec)

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        stills = [Keyframe(**{**still, "path": Path(still["path"])}) for still in request["stills"]]
        return {"weights": identity, "rows": scorer.rows([still.pixels() for still in stills])}

    return answer


class Scorer:
    """Raw scores of pictures.

    Zero-shot: how much nearer a picture is to a category's sentences than to the harmless ones.
    Classifiers: the log-odds of the category's labels.
    """

    def __init__(self, model: LoadedModel, spec: ModelSpec) -> None:
        self._model, self._spec = model, spec
        if spec.kind is ModelKind.ZERO_SHOT:
            self._against = model.read(list(spec.negative_prompts))
            self._prompts = {name: model.read(list(texts)) for name, texts in spec.prompts.items()}
        else:
            missing = sorted(set(spec.labels) - set(model.labels))
            if missing:
                raise ValueError(f"the model has no label {missing[0]!r}; it has {', '.join(model.labels)}")

    def rows(self, pictures: Sequence[Pixels]) -> list[dict[str, float]]:
        """One mapping for each picture; for a video classifier one for all of them together."""
        if self._spec.kind is ModelKind.VIDEO:
            return self._classified(list(pictures))
        run = self._compared if self._spec.kind is ModelKind.ZERO_SHOT else self._classified
        return in_batches(pictures, lambda part: run(list(part)), size=self._spec.batch)

    def _compared(self, pictures: list[Pixels]) -> list[dict[str, float]]:
        found = self._model.describe(pictures)
        harmless = (found @ self._against.T).max(axis=1)
        near = {name: (found @ rows.T).max(axis=1) - harmless for name, rows in self._prompts.items()}
        return [
            {name: float(_SCALE * margin[place]) for name, margin in near.items()}
            for place in range(len(pictures))
        ]

    def _classified(self, pictures: list[Pixels]) -> list[dict[str, float]]:
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
    inside = min(max(probability, _EDGE), 1 - _EDGE)
    return float(np.log(inside / (1 - inside)))
