"""Platt scaling: fits a curve from a model's raw scores to probabilities, on the operator's own pictures.
Pure.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from safelight.errors import InvalidField

#: Labelled pictures needed of each class. Half of them are used to fit the curve, half to measure it.
MIN_IMAGES_PER_CLASS = 20


class PlattCurve(msgspec.Struct, frozen=True, kw_only=True):
    """Platt scaling of one category, 1 / (1 + exp(-(slope * raw + offset))), and its measured rates."""

    slope: float
    offset: float
    positives: int
    negatives: int
    #: Measured at the threshold 0.5, on the half of the pictures that was not used to fit.
    recall: float
    false_positives: float

    def probability(self, raw: float) -> float:
        return _sigmoid(self.slope * raw + self.offset)

    @property
    def summary(self) -> str:
        """The sentence that coverage reports as the measured figure."""
        return (
            f"recall {self.recall:.2f}, false positives {self.false_positives:.2f} at 0.5, on"
            f" {self.positives} and {self.negatives} of the operator's own pictures that were not fitted"
        )


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """The file that `safelight models calibrate` writes. It is valid only for the same weights, prompts
    and labels.
    """

    model: str
    #: `weights`: hash of the weights. `task_digest`: digest of the kind, prompts and labels.
    weights: str
    task_digest: str
    created_at: float
    curves: dict[str, PlattCurve]


def read_calibration(path: Path) -> Calibration | None:
    """Read a calibration file; None if it does not exist. Raises `InvalidField` if it is not valid."""
    if not path.is_file():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Calibration)
    except (OSError, msgspec.DecodeError, msgspec.ValidationError) as error:
        raise InvalidField(f"{path} is not a valid calibration: {error}.", param="calibration") from None


def split_halves(names: Sequence[str]) -> tuple[list[int], list[int]]:
    """Indices of the pictures to fit on, and of those to measure on.

    The hash of the name decides the half, so that every run splits the same pictures in the same way.
    """
    order = sorted(range(len(names)), key=lambda index: hashlib.sha256(names[index].encode()).hexdigest())
    return sorted(order[::2]), sorted(order[1::2])


def fit_curve(
    category: str, raw: Sequence[float], labels: Sequence[bool], names: Sequence[str]
) -> PlattCurve:
    """Fit and measure the curve of one category. Raises `InvalidField` if a class has too few pictures."""
    positives, negatives = sum(labels), len(labels) - sum(labels)
    if min(positives, negatives) < MIN_IMAGES_PER_CLASS:
        raise InvalidField(
            f"{category}: {positives} pictures show it and {negatives} do not;"
            f" {MIN_IMAGES_PER_CLASS} of each are needed.",
            param="data",
        )
    fit: list[int] = []
    measure: list[int] = []
    for side in (True, False):
        indices = [index for index, label in enumerate(labels) if label is side]
        first, second = split_halves([names[index] for index in indices])
        fit += [indices[index] for index in first]
        measure += [indices[index] for index in second]
    slope, offset = fit_platt(
        np.asarray([raw[index] for index in fit]), np.asarray([labels[index] for index in fit])
    )
    predictions = [_sigmoid(slope * raw[index] + offset) >= 0.5 for index in measure]
    truth = [labels[index] for index in measure]
    yes, no = sum(truth), len(truth) - sum(truth)
    return PlattCurve(
        slope=slope,
        offset=offset,
        positives=yes,
        negatives=no,
        recall=sum(one for one, label in zip(predictions, truth, strict=True) if label) / yes,
        false_positives=sum(one for one, label in zip(predictions, truth, strict=True) if not label) / no,
    )


def fit_platt(raw: npt.NDArray[np.float64], labels: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Fit slope and offset by Newton's method. Platt's softened targets keep every probability below 1."""
    yes, no = int(labels.sum()), int((~labels).sum())
    target = np.where(labels, (yes + 1) / (yes + 2), 1 / (no + 2))
    middle, width = float(raw.mean()), float(raw.std()) or 1.0
    scaled = (raw - middle) / width
    slope, offset = 0.0, math.log((yes + 1) / (no + 1))
    design = np.stack([scaled, np.ones_like(scaled)], axis=1)
    for _ in range(100):
        probability = 1 / (1 + np.exp(-np.clip(slope * scaled + offset, -35, 35)))
        gradient = design.T @ (probability - target)
        weight = probability * (1 - probability)
        hessian = design.T @ (design * weight[:, None]) + 1e-6 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        slope, offset = slope - float(step[0]), offset - float(step[1])
        if float(np.abs(step).max()) < 1e-9:
            break
    return slope / width, offset - slope * middle / width


def _sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-max(min(value, 35.0), -35.0)))
