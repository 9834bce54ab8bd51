"""Change test: finds when the rate of yes-or-no outcomes rose or fell, one outcome after the other. Pure.

A Shiryaev-Roberts test with mixtures: for each possible start of a change, the likelihood of the outcomes
with the change, divided by their likelihood without one; the alarm comes when the sum over all starts reaches
a threshold. The rate before, and the size of the change, have prior distributions, so nothing has to be known
about them. Without a change, the expectation of the sum is the number of outcomes, at any time. The mean
number of outcomes until a false alarm is therefore at least the threshold, for rates as the prior expects.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]

#: Possible rates as log-odds, from 0.4 to 95 %, and the distance between two of them.
_STEP = 0.35
_LEVELS: Array = np.arange(-5.6, 3.0, _STEP)
#: The expected rate before a change: a beta distribution with these parameters, with a mean of a fifth.
_PRIOR = (0.5, 2.0)
#: Smallest and largest change in log-odds: from 5 %, a change to 13 % and to 38 %.
_CHANGES = (1.0, 2.5)
LARGEST_CHANGE = _CHANGES[1]
#: Largest change for prompts with one word: from 5 % to 74 %, because a filter refuses nearly all of them.
MAX_WORD_CHANGE = 4.0
#: Largest change for canaries: from 1 % to 48 %, because a prompt that always passed can be refused always.
MAX_CANARY_CHANGE = 4.5
#: Share of the probability that is left out at each end of the interval of the start.
_TAIL = 0.025
_TINY = 1e-300


class Direction(StrEnum):
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, kw_only=True)
class RateChange:
    """A change, by the numbers of the outcomes: the first one is 0."""

    #: The outcome with which the threshold was reached.
    alarm: int
    #: The first outcome after the change: the most probable one, and a 95 % interval.
    start: int
    earliest: int
    latest: int


def find_change(
    outcomes: Array,
    risks: Array,
    *,
    direction: Direction,
    threshold: float,
    largest: float = LARGEST_CHANGE,
) -> RateChange | None:
    """The first alarm; None if there is none. It does not depend on the outcomes after it.

    `outcomes`: 1 or 0. `risks`: of each outcome, the log-odds that it is 1, up to a number that is the same
    for all of them until the change. `largest`: the largest change, in log-odds.
    """
    if not len(outcomes):
        return None
    likelihoods = _log_likelihoods(outcomes, risks)
    starts = _log_starts(likelihoods[:-1], _moves(direction, largest))
    sums = np.logaddexp.accumulate(starts, axis=0)
    evidence = _log_sum(likelihoods[1:] + sums) - _log_sum(likelihoods[1:] + _log_prior())
    reached = np.flatnonzero(evidence >= np.log(threshold))
    if not len(reached):
        return None
    alarm = int(reached[0])
    factors = _log_sum(likelihoods[alarm + 1] + starts[: alarm + 1])
    shares = np.exp(factors - factors.max())
    total = np.cumsum(shares) / shares.sum()
    return RateChange(
        alarm=alarm,
        start=int(np.argmax(factors)),
        earliest=int(np.searchsorted(total, _TAIL)),
        latest=min(alarm, int(np.searchsorted(total, 1 - _TAIL))),
    )


def weigh_change(
    outcomes: Array, risks: Array, start: int, *, direction: Direction, largest: float = LARGEST_CHANGE
) -> float:
    """The logarithm of the likelihood with a change before outcome number `start`, over that without one."""
    likelihoods = _log_likelihoods(outcomes, risks)
    moves = _moves(direction, largest)
    changed = likelihoods[-1] + _log_starts(likelihoods[start : start + 1], moves)[0]
    return float(_log_sum(changed) - _log_sum(likelihoods[-1] + _log_prior()))


def _log_likelihoods(outcomes: Array, risks: Array) -> Array:
    """Row n: the log-likelihood of the first n outcomes at each level."""
    odds = _LEVELS + risks[:, None]
    each = -np.logaddexp(0.0, np.where(outcomes[:, None] > 0, -odds, odds))
    return np.vstack([np.zeros((1, len(_LEVELS))), np.cumsum(each, axis=0)])


def _log_starts(before: Array, moves: Array) -> Array:
    """For a change after each row: the log-weight of each new level, divided by the likelihood so far."""
    weighed = before + _log_prior()
    top = weighed.max(axis=1, keepdims=True)
    return np.asarray(np.log(np.exp(weighed - top) @ moves + _TINY) + top - before)


def _log_prior() -> Array:
    shares = 1.0 / (1.0 + np.exp(-_LEVELS))
    # The density of the log-odds.
    weights = shares ** _PRIOR[0] * (1.0 - shares) ** _PRIOR[1]
    return np.asarray(np.log(weights / weights.sum()))


def _moves(direction: Direction, largest: float) -> Array:
    """Row b, column c: the probability of the level c after a change from b."""
    sizes = _LEVELS[None, :] - _LEVELS[:, None]
    sizes = sizes if direction is Direction.UP else -sizes
    allowed = (sizes >= _CHANGES[0]) & (sizes <= largest)
    return np.asarray(allowed / np.maximum(allowed.sum(axis=1, keepdims=True), 1))


def _log_sum(values: Array) -> Array:
    """The logarithm of the sum of exponentials over the last axis."""
    top = values.max(axis=-1, keepdims=True)
    return np.asarray(np.log(np.exp(values - top).sum(axis=-1)) + top[..., 0])
