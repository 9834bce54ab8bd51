"""Intervals of means and shares, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from safelight.policy.statistics import wilson

#: Resamples of a bootstrap interval, and its seed.
_RESAMPLES, _SEED = 2_000, 1


def share(k: int, n: int) -> dict[str, Any]:
    """k of n with Wilson's 95 % interval."""
    return {"k": k, "n": n, "interval": [round(end, 4) for end in wilson(k, n)]}


def bootstrap_mean(values: Sequence[float]) -> dict[str, Any]:
    """The mean of at least one value with its 95 % bootstrap interval, as JSON."""
    found = np.array(values, dtype=np.float64)
    drawn = np.random.default_rng(_SEED).integers(len(found), size=(_RESAMPLES, len(found)))
    means = found[drawn].mean(axis=1)
    return {
        "mean": round(float(found.mean()), 4),
        "interval": [round(float(end), 4) for end in np.percentile(means, [2.5, 97.5])],
    }
