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

import numpy as np

from .risk_features import DRIVER_WEIGHTS, WORD, driver_feature, find_features, find_words
from .sparse_logistic import UNSEEN_VARIANCE, Array, SparseLogistic, fit_sparse_logistic

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
