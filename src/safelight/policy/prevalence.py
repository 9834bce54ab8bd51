"""The rate of something rare in a random sample, and how large the sample must be."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .intervals import Z, wilson

#: With fewer answers no rate is given: with 300 and nothing found, the upper end of the interval is 1.3 %.
MIN_ANSWERS = 300
#: Half the width of the interval for which the needed sample is given: 0.1 percentage points.
WANTED_HALF_WIDTH = 0.001


@dataclass(frozen=True, kw_only=True)
class Prevalence:
    """`found` of `n` random videos, with Wilson's 95 % interval.

    The videos are drawn without replacement from a finite number, so the interval is too wide, if anything.
    """

    found: int
    n: int

    @property
    def is_enough(self) -> bool:
        return self.n >= MIN_ANSWERS

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.found, self.n)

    @property
    def needed(self) -> int:
        """The smallest sample whose interval has `WANTED_HALF_WIDTH`, at the rate that was found."""
        return needed_sample(self.found / self.n if self.n else 0.5, WANTED_HALF_WIDTH)


def needed_sample(rate: float, half_width: float) -> int:
    """The smallest `n` for which half the width of Wilson's interval is at most `half_width`."""
    low, high = 0, 1
    while _half_width(rate, high) > half_width:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if _half_width(rate, middle) > half_width:
            low = middle
        else:
            high = middle
    return high


def _half_width(rate: float, n: int) -> float:
    z2 = Z * Z
    return Z * math.sqrt(rate * (1 - rate) / n + z2 / (4 * n * n)) / (1 + z2 / n)
