"""Equivalence of two groups: paired differences by frame, their interval, a test against a margin, its power.

A frame is one sentence with a slot. Pairs from one frame are not independent, so that a frame counts once,
with the mean of its pairs. A difference is a number from -1 to 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

#: A difference of 3 points and less counts as none.
MARGIN = 0.03
#: The level of all tests together.
ALPHA = 0.05
#: With fewer frames that differ, the mean is far from normal, and the test counts frames instead.
_MIN_DIFFERING = 10
_RESAMPLES, _SEED = 5_000, 1
_POWER = 0.8
_NORMAL = NormalDist()


def bootstrap_interval(frames: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the mean difference: whole frames are drawn again. At least one frame."""
    found = np.array(frames, dtype=np.float64)
    drawn = np.random.default_rng(_SEED).integers(len(found), size=(_RESAMPLES, len(found)))
    low, high = np.percentile(found[drawn].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def equivalence_p(frames: Sequence[float], margin: float = MARGIN) -> float:
    """The p of two one-sided tests that the mean difference is `margin` or more in either direction.

    If few frames differ, each side is exact: a mean of `margin` needs at least that share of frames that
    differ in its direction. So frames without any difference never show more than their number allows.
    """
    n = len(frames)
    higher, lower = sum(one > 0 for one in frames), sum(one < 0 for one in frames)
    if higher + lower < _MIN_DIFFERING:
        return max(_binomial_cdf(count, n, margin) for count in (higher, lower))
    mean, error = _mean_and_error(frames)
    if error == 0:
        return 0.0 if abs(mean) < margin else 1.0
    return float(1 - _NORMAL.cdf((margin - abs(mean)) / error))


def detectable(frames: Sequence[float], level: float = ALPHA) -> float:
    """The smallest difference that a two-sided test at `level` detects with a power of 80 %.

    At least the share of frames of which this number of frames contains one with that probability.
    """
    _mean, error = _mean_and_error(frames)
    normal = (_NORMAL.inv_cdf(1 - level / 2) + _NORMAL.inv_cdf(_POWER)) * error
    return min(1.0, max(normal, 1.0 - float((1 - _POWER) ** (1 / len(frames)))))


def holm(ps: Sequence[float]) -> list[float]:
    """The p of each test, corrected by Holm for all tests."""
    corrected, highest = [0.0] * len(ps), 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=lambda one: ps[one])):
        highest = max(highest, min(1.0, ps[place] * (len(ps) - rank)))
        corrected[place] = highest
    return corrected


def _mean_and_error(frames: Sequence[float]) -> tuple[float, float]:
    found = np.array(frames, dtype=np.float64)
    error = float(found.std(ddof=1)) / math.sqrt(len(found)) if len(found) > 1 else 1.0
    return float(found.mean()), error


def _binomial_cdf(k: int, n: int, share: float) -> float:
    return min(1.0, sum(math.comb(n, one) * share**one * (1 - share) ** (n - one) for one in range(k + 1)))
