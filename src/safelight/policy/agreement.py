"""Agreement between people who judged the same cases: Cohen's kappa and Krippendorff's alpha.

1 is perfect agreement; 0 is the agreement of people who answer by chance in the same proportions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

from .intervals import wilson

#: With fewer cases no figure is given. With 20, the interval of an accuracy is still about 30 points wide.
MIN_CASES = 20


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


def krippendorff_alpha(answers: Sequence[Sequence[int]], *, ordinal: bool = False) -> float | None:
    """Krippendorff's alpha. `answers`: for each case, the answers of all who judged it, in any order.

    A case with one answer does not count. `ordinal`: the numbers are ranks, and neighbours differ less. None
    if it is not defined: fewer than two different answers were given.
    """
    weights: dict[tuple[int, int], float] = {}
    for of_case in answers:
        if len(of_case) > 1:
            for pair in permutations(of_case, 2):
                weights[pair] = weights.get(pair, 0.0) + 1 / (len(of_case) - 1)
    totals = Counter(answer for of_case in answers if len(of_case) > 1 for answer in of_case)
    if len(totals) < 2:
        return None
    distances = _distances(totals, ordinal=ordinal)
    observed = sum(weight * distances[pair] for pair, weight in weights.items())
    by_chance = sum(totals[a] * totals[b] * distance for (a, b), distance in distances.items())
    return 1 - observed * (totals.total() - 1) / by_chance


def _distances(totals: Counter[int], *, ordinal: bool) -> dict[tuple[int, int], float]:
    """How far apart each two answers are. Ordinal: the number of answers that lie between them, squared."""
    found = {}
    for a in totals:
        for b in totals:
            if not ordinal:
                found[a, b] = float(a != b)
                continue
            low, high = min(a, b), max(a, b)
            between = sum(count for answer, count in totals.items() if low <= answer <= high)
            found[a, b] = (between - (totals[a] + totals[b]) / 2) ** 2
    return found
