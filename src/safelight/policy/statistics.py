"""Statistics of rates and of agreement: intervals, sample sizes, Cohen's kappa and Krippendorff's alpha.

Of an agreement, 1 is perfect, and 0 is that of people who answer by chance in the same proportions.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

#: z of a two-sided 95 % interval.
Z = 1.959963984540054
#: With fewer cases no figure is given. With 20, the interval of an accuracy is still about 30 points wide.
MIN_CASES = 20
#: With fewer answers no rate is given: with 300 and nothing found, the upper end of the interval is 1.3 %.
MIN_ANSWERS = 300
#: Half the width of the interval for which the needed sample is given: 0.1 percentage points.
WANTED_HALF_WIDTH = 0.001


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % confidence interval of the rate `hits` / `n`; (0, 1) if `n` is 0."""
    if not 0 <= hits <= n:
        raise ValueError(f"{hits} of {n} is not a rate")
    if n == 0:
        return 0.0, 1.0
    rate, z2 = hits / n, Z * Z
    middle = (rate + z2 / (2 * n)) / (1 + z2 / n)
    half = _half_width(rate, n)
    # A rounding error must not put the rate outside its interval.
    return min(max(0.0, middle - half), rate), max(min(1.0, middle + half), rate)


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """How many answers were right, with Wilson's 95 % interval."""

    right: int
    n: int

    @property
    def is_enough(self) -> bool:
        return self.n >= MIN_CASES

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.right, self.n)


def cohen_kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Cohen's kappa of two people who judged the same cases. `pairs`: the two answers for each case.

    None if it is not defined: there is no case, or both gave one and the same answer for all.
    """
    n = len(pairs)
    first, second = Counter(pair[0] for pair in pairs), Counter(pair[1] for pair in pairs)
    by_chance = sum(first[answer] * second[answer] for answer in first)
    if by_chance == n * n:
        return None
    agreed = sum(one == other for one, other in pairs)
    return (agreed * n - by_chance) / (n * n - by_chance)


def krippendorff_alpha(answers: Sequence[Sequence[int]]) -> float | None:
    """Krippendorff's alpha. `answers`: for each case, the answers of all who judged it, in any order.

    A case with one answer does not count. None if it is not defined: fewer than two different answers were
    given.
    """
    weights: dict[tuple[int, int], float] = {}
    for of_case in answers:
        if len(of_case) > 1:
            for pair in permutations(of_case, 2):
                weights[pair] = weights.get(pair, 0.0) + 1 / (len(of_case) - 1)
    totals = Counter(answer for of_case in answers if len(of_case) > 1 for answer in of_case)
    if len(totals) < 2:
        return None
    observed = sum(weight for (one, other), weight in weights.items() if one != other)
    by_chance = sum(one * other for one, other in permutations(totals.values(), 2))
    return 1 - observed * (totals.total() - 1) / by_chance


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


def format_percent(part: int, whole: int) -> str:
    """`43 %`, or `0.1 %` below ten."""
    share = 100 * part / whole
    return f"{share:.0f} %" if share >= 10 or share == 0 else f"{share:.1f} %"
