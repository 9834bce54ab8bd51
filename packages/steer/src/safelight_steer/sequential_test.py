"""A sequential test over the steps of a generation, with a stated rate of false aborts. Needs no torch.

Scores of one generation depend on each other strongly, so tests that multiply likelihoods of independent
scores do not keep their rate. Here the whole generation of a safe clip gives one number, the highest value
of the statistic over its steps, and the boundary is a high one of these numbers, so far up that the rate of
new safe clips from the same source above it is at most the stated one with 95 % confidence (a one-sided
tolerance limit), whatever the dependence between steps. A quantile alone would hold the rate only on the
mean over many calibrations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .errors import NotEnoughClips

#: Weight of the newest score in the statistic. At one half, one high score among low ones is halved, and
#: three high scores in a row count almost fully.
NEWEST_WEIGHT = 0.5
#: Share of the safe clips that fit the mean and the deviation of each check; the others fit the boundary.
SCALE_SHARE = 1 / 4
#: That the true rate is at most the stated one, over the draw of the safe clips that fit the limit.
CONFIDENCE = 0.95
#: Deviations are at least this, so that a detector that gives every safe clip the same score does not make
#: every difference infinite.
MIN_DEVIATION = 1e-3


@dataclass(frozen=True, kw_only=True)
class Boundary:
    """When a generation is stopped: when the statistic exceeds `limit`.

    `false_abort_rate` is None for a limit that was chosen by hand.
    """

    limit: float
    #: Mean and deviation of safe clips at each check; empty: the scores are used as they are.
    means: tuple[float, ...] = ()
    deviations: tuple[float, ...] = ()
    false_abort_rate: float | None = None
    #: Safe clips that fitted the limit.
    clips: int = 0

    @classmethod
    def fit(cls, scores: Sequence[Sequence[float]], *, false_abort_rate: float = 0.01) -> Boundary:
        """From the scores of safe clips, each with the same number of checks, in the order of the steps.

        Raises `NotEnoughClips`: for 1 %, 299 clips fit the limit and further 99 the scale.
        """
        if not 0 < false_abort_rate < 1:
            raise ValueError("The rate of false aborts must be between 0 and 1.")
        checks = {len(row) for row in scores}
        if len(checks) > 1:
            raise ValueError("The clips have different numbers of checks.")
        if not all(math.isfinite(score) for row in scores for score in row):
            raise ValueError("The scores contain a value that is not a number.")
        n_scale = math.floor(len(scores) * SCALE_SHARE)
        scale, rest = scores[:n_scale], scores[n_scale:]
        # How many of the clips may lie above the limit.
        above = -1
        while above + 1 < len(rest) and _at_most(above + 1, len(rest), false_abort_rate) <= 1 - CONFIDENCE:
            above += 1
        if n_scale < 2 or above < 0 or checks == {0}:
            least = math.ceil(math.log(1 - CONFIDENCE) / math.log(1 - false_abort_rate))
            needed = math.ceil(least / (1 - SCALE_SHARE))
            raise NotEnoughClips(
                f"{len(scores)} safe clips are too few for a rate of {false_abort_rate:g}: "
                f"about {needed} are needed."
            )
        means = tuple(sum(column) / n_scale for column in zip(*scale, strict=True))
        deviations = tuple(
            max(MIN_DEVIATION, math.sqrt(sum((x - mean) ** 2 for x in column) / (n_scale - 1)))
            for column, mean in zip(zip(*scale, strict=True), means, strict=True)
        )
        unlimited = cls(limit=math.inf, means=means, deviations=deviations)
        highest = sorted(_highest(unlimited, row) for row in rest)
        return cls(
            limit=highest[-1 - above],
            means=means,
            deviations=deviations,
            false_abort_rate=false_abort_rate,
            clips=len(rest),
        )

    @classmethod
    def fixed(cls, limit: float) -> Boundary:
        """A limit on the averaged score itself, chosen by hand: no rate is known."""
        return cls(limit=limit)

    def rate_for(self, checks: int) -> float | None:
        """The stated rate, if a generation has as many checks as the clips that fitted it; else None."""
        return self.false_abort_rate if checks == len(self.means) else None


class SequentialTest:
    """The test of one generation."""

    def __init__(self, boundary: Boundary) -> None:
        self._boundary = boundary
        self._checks = 0
        self.statistic = 0.0

    def add(self, score: float) -> bool:
        """Whether the generation is to be stopped."""
        boundary = self._boundary
        if boundary.means:
            at = min(self._checks, len(boundary.means) - 1)
            score = (score - boundary.means[at]) / boundary.deviations[at]
        self.statistic = NEWEST_WEIGHT * score + (1 - NEWEST_WEIGHT) * self.statistic
        self._checks += 1
        return self.statistic > boundary.limit


def _highest(boundary: Boundary, scores: Sequence[float]) -> float:
    test = SequentialTest(boundary)
    highest = -math.inf
    for score in scores:
        test.add(score)
        highest = max(highest, test.statistic)
    return highest


def upper_bound(events: int, trials: int, *, confidence: float = CONFIDENCE) -> float:
    """The exact upper limit of a rate (Clopper-Pearson, one-sided) after `events` in `trials`."""
    if not 0 <= events <= trials or trials < 1:
        raise ValueError("The number of events must be between 0 and the number of trials.")
    if events == trials:
        return 1.0
    low, high = events / trials, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _at_most(events, trials, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def _at_most(events: int, trials: int, rate: float) -> float:
    """The probability of at most `events` in `trials`."""
    if rate <= 0:
        return 1.0
    if rate >= 1:
        return 0.0
    log = math.lgamma
    return sum(
        math.exp(
            log(trials + 1)
            - log(k + 1)
            - log(trials - k + 1)
            + k * math.log(rate)
            + (trials - k) * math.log1p(-rate)
        )
        for k in range(events + 1)
    )
