"""An ONNX classifier of pictures: a graph with its configuration files. Only a model process loads it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from safelight.core.arrays import Pixels

from .preprocessing import is_multi_label, preprocess, read_labels, read_preprocessing
from .specs import ModelSpec

_MIN_PROBABILITY = 1e-6


class Classifier:
    """A loaded model. Raises the exceptions of ONNX Runtime."""

    def __init__(self, folder: Path, spec: ModelSpec) -> None:
        import onnxruntime

        available = set(onnxruntime.get_available_providers())
        providers = ["CPUExecutionProvider"]
        if spec.device != "cpu" and "CUDAExecutionProvider" in available:
            providers.insert(0, "CUDAExecutionProvider")
        elif spec.device not in ("cpu", "auto"):
            raise ValueError(
                f"this onnxruntime does not support {spec.device}; it supports {', '.join(sorted(available))}"
            )
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(_find_graph(folder)), sess_options=options, providers=providers
        )
        self._preprocessing, self._multi_label = read_preprocessing(folder), is_multi_label(folder)
        self._labels, self._spec = read_labels(folder), spec
        missing = sorted(set(spec.labels) - set(self._labels))
        if missing:
            raise ValueError(f"the model has no label {missing[0]!r}; it has {', '.join(self._labels)}")

    def score_images(self, pictures: Sequence[Pixels]) -> list[dict[str, float]]:
        """For each picture, the log-odds by category of all its labels together."""
        rows: list[dict[str, float]] = []
        for start in range(0, len(pictures), self._spec.batch):
            inputs = preprocess(list(pictures[start : start + self._spec.batch]), self._preprocessing)
            logits = self._session.run(None, {"pixel_values": inputs})[0]
            if logits.shape != (len(inputs), len(self._labels)):
                raise ValueError(f"the model returned {logits.shape} for {len(inputs)} pictures")
            rows += map(self._score, _probabilities(logits, self._multi_label))
        return rows

    def _score(self, probabilities: npt.NDArray[np.float64]) -> dict[str, float]:
        by_category: dict[str, float] = {}
        for label, probability in zip(self._labels, probabilities.tolist(), strict=True):
            if (category := self._spec.labels.get(label)) is not None:
                by_category[category] = by_category.get(category, 0.0) + probability
        return {category: _log_odds(total) for category, total in by_category.items()}


def _find_graph(folder: Path) -> Path:
    for path in (folder / "onnx" / "model.onnx", folder / "model.onnx"):
        if path.is_file():
            return path
    raise FileNotFoundError(f"model.onnx is not in {folder.name}")


def _probabilities(logits: npt.NDArray[np.float32], multi_label: bool) -> npt.NDArray[np.float64]:
    values = logits.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("the model returned values that are not finite")
    if multi_label:
        return np.asarray(1 / (1 + np.exp(-np.clip(values, -60, 60))))
    grown = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=1, keepdims=True))


def _log_odds(probability: float) -> float:
    inside = min(max(probability, _MIN_PROBABILITY), 1 - _MIN_PROBABILITY)
    return float(np.log(inside / (1 - inside)))
