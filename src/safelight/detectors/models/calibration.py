"""From a model's raw scores to probabilities, on the operator's own pictures: Platt's way. Pure."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from safelight.errors import InvalidField

#: Pictures of each side that are needed, half of them to fit and half to measure.
LEAST = 20


class PlattCurve(msgspec.Struct, frozen=True, kw_only=True):
    """One category: 1 / (1 + exp(-(slope * raw + offset))), and what that gave on the other half."""

    slope: float
    offset: float
    positives: int
    negatives: int
    #: At 0.5, on pictures that were not fitted.
    recall: float
    false_positives: float

    def probability(self, raw: float) -> float:
        return _sigmoid(self.slope * raw + self.offset)

    @property
    def sentence(self) -> str:
        """What is said of it in coverage."""
        return (
            f"recall {self.recall:.2f}, false positives {self.false_positives:.2f} at 0.5, on"
            f" {self.positives} and {self.negatives} pictures of the operator's own that were not fitted"
        )


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """What `safelight models calibrate` writes; holds for these weights and these questions only."""

    model: str
    #: Identity of the weights, and digest of what they were asked.
    weights: str
    asked: str
    at: float
    curves: dict[str, PlattCurve]


def read_calibration(path: Path) -> Calibration | None:
    """The calibration in a file; None where there is none. Raises `InvalidField` for another thing."""
    if not path.is_file():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Calibration)
    except (OSError, msgspec.DecodeError, msgspec.ValidationError) as error:
        raise InvalidField(f"{path} is no calibration: {error}.", param="calibration") from None


def split_halves(names: Sequence[str]) -> tuple[list[int], list[int]]:
    """Places to fit on and places to measure on, by the hash of a name: the same for every run."""
    order = sorted(range(len(names)), key=lambda place: hashlib.sha256(names[place].encode()).hexdigest())
    return sorted(order[::2]), sorted(order[1::2])


def fitted(category: str, raw: Sequence[float], labels: Sequence[bool], names: Sequence[str]) -> PlattCurve:
    """The curve for one category. Raises `InvalidField` where there are too few pictures of either side."""
    positives, negatives = sum(labels), len(labels) - sum(labels)
    if min(positives, negatives) < LEAST:
        raise InvalidField(
            f"{category}: {positives} pictures that show it and {negatives} that do not;"
            f" {LEAST} of each are needed.",
            param="data",
        )
    fit: list[int] = []
    measure: list[int] = []
    for side in (True, False):
        places = [place for place, label in enumerate(labels) if label is side]
        first, second = split_halves([names[place] for place in places])
        fit += [places[place] for place in first]
        measure += [places[place] for place in second]
    slope, offset = platt(
        np.asarray([raw[place] for place in fit]), np.asarray([labels[place] for place in fit])
    )
    said = [_sigmoid(slope * raw[place] + offset) >= 0.5 for place in measure]
    held = [labels[place] for place in measure]
    yes, no = sum(held), len(held) - sum(held)
    return PlattCurve(
        slope=slope,
        offset=offset,
        positives=yes,
        negatives=no,
        recall=sum(one for one, label in zip(said, held, strict=True) if label) / yes,
        false_positives=sum(one for one, label in zip(said, held, strict=True) if not label) / no,
    )


def platt(raw: npt.NDArray[np.float64], labels: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and offset by Newton's method, with Platt's softened targets, so that no fit is ever certain."""
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
