"""Confidence intervals of rates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

#: Resamples of a bootstrap interval, and its seed.
_RESAMPLES, _SEED = 2_000, 1
#: z of a two-sided 95 % interval.
Z = 1.959963984540054


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % confidence interval of the rate `hits` / `n`; (0, 1) if `n` is 0."""
    if not 0 <= hits <= n:
        raise ValueError(f"{hits} of {n} is not a rate")
    if n == 0:
        return 0.0, 1.0
    rate, z2 = hits / n, Z * Z
    middle = (rate + z2 / (2 * n)) / (1 + z2 / n)
    half = Z * math.sqrt(rate * (1 - rate) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    # A rounding error must not put the rate outside its interval.
    return min(max(0.0, middle - half), rate), max(min(1.0, middle + half), rate)


def bootstrap_mean(values: Sequence[float]) -> dict[str, Any]:
    """The mean of at least one value with its 95 % bootstrap interval, as JSON."""
    found = np.array(values, dtype=np.float64)
    drawn = np.random.default_rng(_SEED).integers(len(found), size=(_RESAMPLES, len(found)))
    means = found[drawn].mean(axis=1)
    return {
        "mean": round(float(found.mean()), 4),
        "interval": [round(float(end), 4) for end in np.percentile(means, [2.5, 97.5])],
    }
