"""Outcomes of one provider and model in order, as drift is searched in them. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from safelight.providers.advice.risk_features import MAX_CHARS, WORD
from safelight.providers.advice.risk_model import MAX_REQUESTS, MIN_PROMPTS, JudgedRequest, fit_risk
from safelight.providers.protocol import ChargeStatus

from .change_test import Array
from .gate import ErrorGates, Gate
from .models import AttemptOutcome, AttemptRecord

#: Tries of one prompt within this time depend on each other, so only the first one counts.
SAME_PROMPT_S = 86_400.0
#: A risk model is fitted at this number of outcomes, and again when there are four times as many.
_REFIT = 4
_HALVINGS = 40


@dataclass(frozen=True, kw_only=True)
class StreamOutcome:
    """What one attempt shows about its provider. None: nothing."""

    at: float
    #: The prompt with its length; None if it is withheld.
    request: JudgedRequest | None
    #: Whether the provider's filter refused it.
    refused: bool | None
    #: Whether the provider failed, with an outage or with an error that no rule explains.
    failed: bool | None
    #: Of a refused one: whether it was charged.
    charged: bool | None
    #: What a second cost, with what it depends on: length, size and currency.
    price: tuple[tuple[object, ...], float] | None

    @property
    def features(self) -> frozenset[str]:
        """Words and drivers; none without a prompt."""
        return frozenset() if self.request is None else self.request.features

    @property
    def classes(self) -> frozenset[str]:
        """Words, drivers and rows of the tables by which a change can be limited."""
        return frozenset(one for one in self.features if one.startswith((WORD, "driver:", "row:")))


@dataclass(frozen=True, kw_only=True)
class Streams:
    #: Of each provider and model, oldest first.
    outcomes: Mapping[tuple[str, str], Sequence[StreamOutcome]]
    #: Whether there are older attempts, whose errors were too many to be read.
    has_older: bool


def split_streams(attempts: Iterable[AttemptRecord]) -> Streams:
    """The outcomes of each provider and model. Equal times are ordered by id.

    The newest attempts are read first, and none before the first one whose error is not read any more:
    refusals alone must not be left out.
    """
    gates = ErrorGates()
    streams: defaultdict[tuple[str, str], list[StreamOutcome]] = defaultdict(list)
    has_older = False
    for one in sorted(attempts, key=lambda each: (each.at, each.id), reverse=True):
        found = _read(one, gates)
        if found is None:
            has_older = True
            break
        if any(shown is not None for shown in (found.refused, found.failed, found.charged, found.price)):
            streams[one.provider, one.model].append(found)
    return Streams(outcomes={key: found[::-1] for key, found in streams.items()}, has_older=has_older)


def first_tries(outcomes: Iterable[StreamOutcome]) -> list[StreamOutcome]:
    """Without further tries of one prompt within a day after the one that counts.

    Prompts that differ only in numbers are the same. Withheld prompts count one by one.
    """
    counted: dict[frozenset[str], float] = {}
    found = []
    for one in outcomes:
        words = frozenset[str]() if one.request is None else one.request.words
        if words:
            last = counted.get(words)
            if last is not None and one.at - last < SAME_PROMPT_S:
                continue
            counted[words] = one.at
        found.append(one)
    return found


def estimate_risks(judged: Sequence[StreamOutcome]) -> Array:
    """The log-odds of a refusal of each prompt, compared with the others, by the risk model.

    Each one is estimated from outcomes before it. They are 0 with fewer than `MIN_PROMPTS` outcomes, and for
    withheld prompts.
    """
    risks = np.zeros(len(judged))
    start = MIN_PROMPTS
    while start < len(judged):
        end = min(len(judged), start * _REFIT)
        risks[start:end] = _risks_after(judged[max(0, start - MAX_REQUESTS) : start], judged[start:end])
        start = end
    return risks


def _risks_after(known: Sequence[StreamOutcome], asked: Sequence[StreamOutcome]) -> Array:
    requests = [one.request for one in known if one.request is not None]
    model = fit_risk(requests)
    if model is None:
        return np.zeros(len(asked))
    own = _log_odds(model.probabilities([one.features for one in requests]))
    refused = sum(one.refused for one in requests)
    level = _log_odds(np.array([(refused + 0.5) / (len(requests) + 1)]))[0]
    centre = _find_centre(own, float(level))
    given = _log_odds(model.probabilities([one.features for one in asked])) - centre
    return np.where([one.request is None for one in asked], 0.0, given)


def _find_centre(odds: Array, level: float) -> float:
    """What to subtract so that the outcomes keep their rate: it must not change when a model is fitted."""
    share = 1.0 / (1.0 + np.exp(-level))
    low, high = -30.0, 30.0
    for _half in range(_HALVINGS):
        middle = (low + high) / 2
        mean = float(np.mean(1.0 / (1.0 + np.exp(-(odds - middle + level)))))
        low, high = (middle, high) if mean > share else (low, middle)
    return low


def _log_odds(shares: Array) -> Array:
    kept = np.clip(shares, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(kept / (1 - kept)))


def _read(attempt: AttemptRecord, gates: ErrorGates) -> StreamOutcome | None:
    """None if the error is one too many."""
    refused = failed = charged = None
    if attempt.outcome is AttemptOutcome.PASSED or attempt.file_came:
        refused = failed = False
    elif attempt.outcome in (AttemptOutcome.REFUSED, AttemptOutcome.FAILED):
        gate = gates.find(attempt.provider, attempt.error)
        if gate is None:
            return None
        if attempt.outcome is AttemptOutcome.FAILED:
            failed = True if gate in (Gate.PROVIDER_DOWN, Gate.UNKNOWN) else None
        # A rule of a team is none of the provider's filter.
        elif gate in (Gate.PROVIDER_FILTER, Gate.UNKNOWN):
            refused, failed = True, False
            if attempt.charge.charged is not ChargeStatus.UNKNOWN:
                charged = attempt.charge.charged is ChargeStatus.YES
    return StreamOutcome(
        at=attempt.at,
        request=None
        if attempt.prompt is None
        else JudgedRequest(
            prompt=attempt.prompt[:MAX_CHARS],
            refused=bool(refused),
            at=attempt.at,
            seconds=attempt.seconds,
            width=attempt.width,
            height=attempt.height,
        ),
        refused=refused,
        failed=failed,
        charged=charged,
        price=_price(attempt),
    )


def _price(attempt: AttemptRecord) -> tuple[tuple[object, ...], float] | None:
    charge = attempt.charge
    if charge.charged is not ChargeStatus.YES or charge.amount is None or not attempt.seconds:
        return None
    return (attempt.seconds, attempt.width, attempt.height, charge.currency), charge.amount
