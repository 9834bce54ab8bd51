"""Confidence intervals of rates."""

from __future__ import annotations

import math

#: z of a two-sided 95 % interval.
_Z = 1.959963984540054


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % confidence interval of the rate `hits` / `n`; (0, 1) if `n` is 0."""
    if not 0 <= hits <= n:
        raise ValueError(f"{hits} of {n} is not a rate")
    if n == 0:
        return 0.0, 1.0
    rate, z2 = hits / n, _Z * _Z
    middle = (rate + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z * math.sqrt(rate * (1 - rate) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    # A rounding error must not put the rate outside its interval.
    return min(max(0.0, middle - half), rate), max(min(1.0, middle + half), rate)
