"""Risk model: the probability that one provider refuses a request, fitted on requests that it judged. Pure.

The features are words, drivers of the tables, length and aspect. Drivers raise the risk before any outcome
is known; outcomes replace these expectations.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .risk_features import DRIVER_WEIGHTS, WORD, driver_feature, find_features, find_words

# Sparse Bayesian logistic regression: few features with large weights, all others near zero.
#
# Each weight has a Student's t prior, written as a normal prior with a variance of its own. The variances are
# found by expectation maximization around Laplace's approximation of the posterior.

Array: TypeAlias = npt.NDArray[np.float64]

#: Variance of the intercept, and its mean: a third of the requests is refused.
_INTERCEPT_VARIANCE, _INTERCEPT_MEAN = 4.0, -0.7
#: Shape and scale of the inverse gamma distribution of a weight's variance; chosen on simulated filters.
_SHAPE, _SCALE = 0.3, 0.05
#: A filter seldom refuses a request because a word is missing, so such weights are smaller.
_NEGATIVE = 0.3
#: Variance of the weight of a feature that no example has: the fixed point of the update without data.
UNSEEN_VARIANCE = _SCALE / _SHAPE
_MAX_SWEEPS, _MAX_STEPS, _MAX_HALVES = 8, 20, 10
#: The sweeps end when no variance changes by more than a factor with this logarithm, the steps when the
#: logarithm of the posterior gains less.
_TOLERANCE, _MIN_GAIN = 0.05, 0.02
_MIN_CURVATURE = 1e-9
#: With fewer different prompts, no probability is given.
MIN_PROMPTS = 50
#: Most requests that are fitted, the newest: more take seconds.
MAX_REQUESTS = 400
#: Most features of a model, the most frequent: 400 long Chinese prompts have a million, which take gigabytes.
MAX_COLUMNS = 4_000
#: A word of a single request cannot be distinguished from its other words.
_MIN_COUNT = 2
#: Half the width of a 95 % interval, in standard deviations.
_INTERVAL = 1.96
#: Probabilities from which the level is medium, and high.
LEVELS_FROM = (0.15, 0.4)
#: Width of an interval from which on uncertainty alone may not change the level, and the largest share of
#: words that no outcome has.
_MAX_WIDTH, _MAX_UNSEEN = 0.6, 0.5


@dataclass(frozen=True, kw_only=True)
class SparseLogistic:
    """The posterior of the weights, given examples. Immutable."""

    #: Mean of each feature in the examples, subtracted from every row.
    centre: Array
    intercept: float
    weights: Array
    #: Prior variance of each weight times the centred examples: one column per example.
    scaled: Array
    variances: Array
    #: Inverse of the covariance of the examples' log-odds, with the noise of the outcomes.
    precision: Array

    def predict(self, rows: Array) -> tuple[Array, Array]:
        """Mean and variance of the log-odds of each row."""
        centred = rows - self.centre
        covariance = _INTERCEPT_VARIANCE + centred @ self.scaled
        prior = _INTERCEPT_VARIANCE + centred**2 @ self.variances
        explained = np.einsum("ij,ij->i", covariance @ self.precision, covariance)
        return self.intercept + centred @ self.weights, np.maximum(prior - explained, 0.0)


def fit_sparse_logistic(rows: Array, outcomes: Array, prior_means: Array) -> SparseLogistic:
    """The posterior after these examples. `outcomes`: shares from 0 to 1. `prior_means`: of the weights."""
    centre = rows.mean(axis=0) if len(rows) else np.zeros(rows.shape[1])
    centred = rows - centre
    offset = _INTERCEPT_MEAN + centred @ prior_means
    variances = np.full(rows.shape[1], UNSEEN_VARIANCE)
    dual = np.zeros(len(rows))
    for _sweep in range(_MAX_SWEEPS):
        kernel = _kernel(centred, variances)
        dual, precision = _find_mode(kernel, outcomes, offset, dual)
        moved = variances * (centred.T @ dual)
        spread = variances - variances**2 * np.einsum("ij,ij->j", centred, precision @ centred)
        updated = (moved**2 + np.maximum(spread, 0.0) + 2 * _SCALE) / (1 + 2 * _SHAPE)
        updated = np.where(moved < 0, _NEGATIVE * updated, updated)
        change = np.abs(np.log(updated / variances)).max(initial=0.0)
        variances = updated
        if change < _TOLERANCE:
            break
    dual, precision = _find_mode(_kernel(centred, variances), outcomes, offset, dual)
    scaled = variances[:, None] * centred.T
    return SparseLogistic(
        centre=centre,
        intercept=float(_INTERCEPT_MEAN + _INTERCEPT_VARIANCE * dual.sum()),
        weights=prior_means + scaled @ dual,
        scaled=scaled,
        variances=variances,
        precision=precision,
    )


def _kernel(centred: Array, variances: Array) -> Array:
    return np.asarray(_INTERCEPT_VARIANCE + (centred * variances) @ centred.T)


def _find_mode(kernel: Array, outcomes: Array, offset: Array, dual: Array) -> tuple[Array, Array]:
    """The maximum of the posterior by Newton's method in the dual coordinates, and the precision there."""
    reached = _log_posterior(kernel, outcomes, offset, dual)
    precision = _precision(kernel, offset, dual)
    for _step in range(_MAX_STEPS):
        moved = kernel @ dual
        shares = _sigmoid(moved + offset)
        target = np.maximum(shares * (1 - shares), _MIN_CURVATURE) * moved + outcomes - shares
        step = target - precision @ (kernel @ target) - dual
        for _half in range(_MAX_HALVES):
            gained = _log_posterior(kernel, outcomes, offset, dual + step)
            if gained >= reached:
                break
            step /= 2
        else:
            break
        dual, precision = dual + step, _precision(kernel, offset, dual + step)
        if gained - reached < _MIN_GAIN:
            break
        reached = gained
    return dual, precision


def _log_posterior(kernel: Array, outcomes: Array, offset: Array, dual: Array) -> float:
    moved = kernel @ dual
    odds = moved + offset
    return float(-0.5 * dual @ moved + outcomes @ odds - np.logaddexp(0.0, odds).sum())


def _precision(kernel: Array, offset: Array, dual: Array) -> Array:
    shares = _sigmoid(kernel @ dual + offset)
    roots = np.sqrt(np.maximum(shares * (1 - shares), _MIN_CURVATURE))
    inner = np.eye(len(kernel)) + roots[:, None] * kernel * roots
    return np.asarray(roots[:, None] * np.linalg.inv(inner) * roots)


def _sigmoid(odds: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(odds, -50.0, 50.0))))


@dataclass(frozen=True, kw_only=True)
class JudgedRequest:
    """A request that a provider's filter passed or refused."""

    prompt: str
    refused: bool
    #: Unix seconds.
    at: float
    seconds: float | None = None
    width: int | None = None
    height: int | None = None
    #: Whether a person or another program reported it.
    reported: bool = False

    @cached_property
    def words(self) -> frozenset[str]:
        """The features of the words: the same for all tries of one prompt, also with a counter."""
        return find_words(self.prompt)

    @property
    def key(self) -> tuple[object, ...]:
        """The same for all tries of one request."""
        return self.words, self.seconds, self.width, self.height

    @cached_property
    def features(self) -> frozenset[str]:
        return find_features(self.prompt, seconds=self.seconds, width=self.width, height=self.height)


@dataclass(frozen=True, kw_only=True)
class RiskEstimate:
    """The probability of a refusal with its 95 % interval, and the outcomes that it is from."""

    probability: float
    interval: tuple[float, float]
    #: Different prompts, and all attempts with them.
    prompts: int
    attempts: int
    #: Attempts that a person or another program reported.
    reported: int
    #: Times of the first and the last attempt, in unix seconds.
    since: float
    until: float


@dataclass(frozen=True, kw_only=True)
class RiskModel:
    """Fitted on at least `MIN_PROMPTS` prompts of one provider, or of one model of it."""

    posterior: SparseLogistic
    #: Column of each feature.
    columns: dict[str, int]
    prompts: int
    attempts: int
    reported: int
    since: float
    until: float

    def estimate(self, features: frozenset[str]) -> RiskEstimate | None:
        """The estimate for a request with these features; None if the outcomes say too little about it."""
        words = [name for name in features if name.startswith(WORD)]
        if sum(name not in self.columns for name in words) > _MAX_UNSEEN * len(words):
            return None
        means, spreads = self._log_odds([features])
        mean, spread = float(means[0]), float(spreads[0])
        margin = _INTERVAL * math.sqrt(spread)
        low, high = _share(mean - margin), _share(mean + margin)
        probability = float(_probabilities(means, spreads)[0])
        # A large variance moves the probability towards a half.
        if high - low > _MAX_WIDTH and _level(probability) != _level(_share(mean)):
            return None
        return RiskEstimate(
            probability=probability,
            interval=(low, high),
            prompts=self.prompts,
            attempts=self.attempts,
            reported=self.reported,
            since=self.since,
            until=self.until,
        )

    def probabilities(self, requests: Sequence[frozenset[str]]) -> Array:
        """The probability of a refusal of each request, given by its features."""
        return _probabilities(*self._log_odds(requests))

    def _log_odds(self, requests: Sequence[frozenset[str]]) -> tuple[Array, Array]:
        means, spreads = self.posterior.predict(_rows(requests, self.columns))
        # Words that no example has may matter to the filter: they make the interval wider.
        unseen = [sum(name not in self.columns for name in features) for features in requests]
        return means, spreads + UNSEEN_VARIANCE * np.array(unseen, dtype=np.float64)


def fit_risk(judged: Iterable[JudgedRequest]) -> RiskModel | None:
    """The model of these requests; None if they have fewer than `MIN_PROMPTS` different prompts.

    Tries of the same request count once, with the share of them that was refused.
    """
    newest = sorted(judged, key=lambda one: one.at, reverse=True)
    tries: dict[tuple[object, ...], list[JudgedRequest]] = {}
    for one in newest:
        if one.key in tries or len(tries) < MAX_REQUESTS:
            tries.setdefault(one.key, []).append(one)
    prompts = len({key[0] for key in tries})
    if prompts < MIN_PROMPTS:
        return None
    requests = [group[0].features for group in tries.values()]
    columns = _choose_columns(requests)
    means = np.zeros(len(columns))
    for kind, weight in DRIVER_WEIGHTS.items():
        means[columns[driver_feature(kind)]] = weight
    shares = [sum(one.refused for one in group) / len(group) for group in tries.values()]
    fitted = [one for group in tries.values() for one in group]
    return RiskModel(
        posterior=fit_sparse_logistic(_rows(requests, columns), np.array(shares), means),
        columns=columns,
        prompts=prompts,
        attempts=len(fitted),
        reported=sum(one.reported for one in fitted),
        since=min(one.at for one in fitted),
        until=max(one.at for one in fitted),
    )


def _choose_columns(requests: Sequence[frozenset[str]]) -> dict[str, int]:
    counts = Counter(name for features in requests for name in features)
    repeated = [(-count, name) for name, count in counts.items() if count >= _MIN_COUNT]
    names = {name for _count, name in heapq.nsmallest(MAX_COLUMNS, repeated)}
    return {name: at for at, name in enumerate(sorted(names | set(map(driver_feature, DRIVER_WEIGHTS))))}


def _rows(requests: Sequence[frozenset[str]], columns: dict[str, int]) -> Array:
    rows = np.zeros((len(requests), len(columns)))
    for row, features in zip(rows, requests, strict=True):
        row[[columns[name] for name in features if name in columns]] = 1.0
    return rows


def _probabilities(means: Array, spreads: Array) -> Array:
    """The mean of the logistic function of a normal variable, by MacKay's approximation."""
    shrunk = means / np.sqrt(1.0 + math.pi * spreads / 8.0)
    return np.asarray(1.0 / (1.0 + np.exp(-shrunk)))


def _level(probability: float) -> int:
    return sum(probability >= end for end in LEVELS_FROM)


def _share(log_odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-50.0, min(50.0, log_odds))))
