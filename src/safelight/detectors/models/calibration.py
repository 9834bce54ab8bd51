"""Fits a curve from a model's raw scores to probabilities, on the operator's own pictures. Pure.

With pictures of a category, this is Platt scaling. With harmless pictures alone, the curve only says which
scores no harmless picture has, so such a score is no probability and never reaches that of a block.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from safelight.core.errors import InvalidField
from safelight.policy.statistics import wilson

#: Labelled pictures needed of each class. Half of them are used to fit the curve, half to measure it.
MIN_IMAGES_PER_CLASS = 20
#: Harmless pictures needed for a fit without pictures of a category.
MIN_HARMLESS_IMAGES = 200
#: The part of harmless pictures whose score may reach 0.5: two in a thousand, and its quantile of a normal
#: distribution.
MAX_HELD, _MAX_HELD_Z = 0.002, 2.878
#: The score of a harmless picture with the median raw score.
_MEDIAN_SCORE = 0.02
#: The highest score of a category of which only harmless pictures were at hand: it is held and not blocked.
MAX_UNMEASURED_SCORE = 0.59


class ScoreCurve(msgspec.Struct, frozen=True, kw_only=True):
    """The curve of one category, 1 / (1 + exp(-(slope * raw + offset))), and its measured rates."""

    slope: float
    offset: float
    positives: int
    negatives: int
    #: Measured at the threshold 0.5, on the half of the pictures that was not used to fit. None: there were
    #: no pictures of the category.
    recall: float | None
    false_positives: float

    @property
    def temperature(self) -> float:
        """The raw score is divided by it."""
        return 1 / self.slope if self.slope else math.inf

    @property
    def threshold(self) -> float:
        """The raw score that becomes 0.5."""
        return -self.offset * self.temperature

    def probability(self, raw: float) -> float:
        score = _sigmoid(self.slope * raw + self.offset)
        return score if self.recall is not None else min(score, MAX_UNMEASURED_SCORE)

    @property
    def summary(self) -> str:
        """The sentence that coverage reports as the measured figure."""
        if self.recall is None:
            held = round(self.false_positives * self.negatives)
            low, high = wilson(held, self.negatives)
            return (
                f"share found: not measured; {held} of {self.negatives} of the operator's own harmless"
                f" pictures that were not fitted reach 0.5 ({100 * low:.1f} to {100 * high:.1f} %)"
            )
        return (
            f"recall {self.recall:.2f}, false positives {self.false_positives:.2f} at 0.5, on"
            f" {self.positives} and {self.negatives} of the operator's own pictures that were not fitted"
        )


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """The file that `safelight models calibrate` writes. It is valid only for the same weights and labels."""

    model: str
    #: `weights`: hash of the weights. `task_digest`: digest of the labels.
    weights: str
    task_digest: str
    created_at: float
    curves: dict[str, ScoreCurve]


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
) -> ScoreCurve:
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
    return ScoreCurve(
        slope=slope,
        offset=offset,
        positives=yes,
        negatives=no,
        recall=sum(one for one, label in zip(predictions, truth, strict=True) if label) / yes,
        false_positives=sum(one for one, label in zip(predictions, truth, strict=True) if not label) / no,
    )


def fit_harmless(category: str, raw: Sequence[float], names: Sequence[str]) -> ScoreCurve:
    """Fit and measure the curve of one category on harmless pictures alone.

    The threshold is the raw score that two of a thousand harmless pictures exceed: the quantile or, where a
    normal distribution puts it higher, that. The median harmless picture gets the score 0.02. Raises
    `InvalidField` for too few pictures, or if the model scores all of them alike.
    """
    if len(raw) < MIN_HARMLESS_IMAGES:
        raise InvalidField(
            f"{category}: there are {len(raw)} harmless pictures; {MIN_HARMLESS_IMAGES} are needed.",
            param="data",
            remedy=f"Or add {MIN_IMAGES_PER_CLASS} pictures that show the category.",
        )
    fit, measure = split_halves(names)
    values = np.asarray([raw[index] for index in fit])
    middle = float(np.median(values))
    quantile = float(np.quantile(values, 1 - MAX_HELD, method="higher"))
    threshold = max(quantile, float(values.mean() + _MAX_HELD_Z * values.std()))
    if threshold - middle < 1e-6:
        raise InvalidField(
            f"{category}: the model gives all pictures the same score.",
            param="data",
            remedy="Compare the labels and the preprocessing with the model's own documentation.",
        )
    slope = -_log_odds(_MEDIAN_SCORE) / (threshold - middle)
    held = sum(raw[index] >= threshold for index in measure)
    return ScoreCurve(
        slope=slope,
        offset=-slope * threshold,
        positives=0,
        negatives=len(measure),
        recall=None,
        false_positives=held / len(measure),
    )


def _log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))


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
