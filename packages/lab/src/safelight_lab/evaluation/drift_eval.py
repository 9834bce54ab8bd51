"""Drift evaluation: how soon a simulated drift is found, its kind, and false alarms without drift.

The baseline compares the last 50 outcomes with all before them by a test of two proportions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from safelight.providers.attempts.drift import Drift, DriftKind, find_drift
from safelight.providers.attempts.models import AttemptOutcome, AttemptRecord
from safelight_lab.simulation.hidden_filter import FilterFamily, HiddenFilter, make_filter
from safelight_lab.simulation.scene_grammar import scene_grammar
from safelight_lab.simulation.simulated_provider import ProviderBehaviour, SimulatedDrift

from . import intervals
from .simulated_attempt import simulate_attempt

Array: TypeAlias = npt.NDArray[np.float64]

#: Runs of each row, and calls after the drift in which it must be found.
RUNS, WITHIN = 200, 60
#: Shares of refusals before the drift, and the points that are added.
BASES, ADDED = (0.02, 0.05, 0.3), 0.2
#: Calls a day.
CALLS_A_DAY = 20
#: Calls before the drift, calls a day, and whether the prompts are known, of each row.
SETUPS = (
    *((100, 20, False), (300, 20, False), (1000, 20, False)),
    *((300, 10, False), (300, 100, False), (300, 20, True)),
)
#: Years without drift of each rate: with prompts withheld, and with known prompts.
YEARS = {False: 40, True: 5}
_FIRST_SEED, _FILTERS = 900, 5
_DAY_S, _DAYS_A_YEAR = 86_400.0, 365
_START = 1_750_000_000.0
#: Outcomes of the baseline's window, and the share of years without any alarm at one false alarm a year.
_WINDOW, _QUIET_YEARS = 50, float(np.exp(-1))
#: Calls before the drift of the rows that show kinds.
_KIND_BEFORE = 300
#: The kinds that are right for each simulated drift, with the share of refusals before it, and its share.
_KINDS: dict[SimulatedDrift, tuple[DriftKind, float, float]] = {
    SimulatedDrift.MORE: (DriftKind.REFUSES_MORE, 0.05, 0.2),
    SimulatedDrift.LESS: (DriftKind.REFUSES_LESS, 0.3, 0.8),
    SimulatedDrift.ERRORS: (DriftKind.FAILS_MORE, 0.05, 0.2),
    SimulatedDrift.CHARGES: (DriftKind.CHARGES_MORE, 0.3, 1.0),
}


@dataclass(frozen=True, kw_only=True)
class _Account:
    """An account at a simulated provider: its calls before and after the drift."""

    seed: int
    base: float
    drift: SimulatedDrift = SimulatedDrift.MORE
    share: float = 0.0
    before: int
    after: int = WITHIN
    calls_a_day: int = CALLS_A_DAY
    known: bool = True

    def attempts(self) -> list[AttemptRecord]:
        prompts = scene_grammar().prompts(self.before + self.after, self.seed)
        hidden = _filter(self.seed % _FILTERS, self.base)
        behaviour = ProviderBehaviour(
            seed=self.seed,
            drift_at=_START + self.before * _DAY_S / self.calls_a_day,
            drift_kind=self.drift,
            drift_share=self.share,
        )
        attempts = [
            simulate_attempt(hidden, behaviour, number, prompt, _START + number * _DAY_S / self.calls_a_day)
            for number, prompt in enumerate(prompts)
        ]
        return attempts if self.known else [replace(one, prompt=None) for one in attempts]


def run_drift_eval(*, runs: int = RUNS, observe: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """The report as JSON. `observe` is called after each run and each year."""
    return {
        "simulated": True,
        "runs": runs,
        "within": WITHIN,
        "rows": [_detect(base, *setup, runs=runs, observe=observe) for base in BASES for setup in SETUPS],
        "kinds": [_judge_kind(drift, runs, observe) for drift in _KINDS],
        "without_drift": [
            _count_false_alarms(base, known, _years(known, runs), observe)
            for base in BASES
            for known in (False, True)
        ],
    }


def count_steps(runs: int = RUNS) -> int:
    """How often `observe` is called."""
    years = sum(_years(known, runs) for known in (False, True))
    return runs * (len(BASES) * len(SETUPS) + len(_KINDS)) + years * len(BASES)


def _years(known: bool, runs: int) -> int:
    return math.ceil(YEARS[known] * min(1.0, runs / RUNS))


def _detect(
    base: float, before: int, calls_a_day: int, known: bool, *, runs: int, observe: Callable[[], None]
) -> dict[str, Any]:
    found: list[int | None] = []
    baseline: list[int | None] = []
    limit = _baseline_limit(base, before, calls_a_day)
    early = 0
    for number in range(runs):
        account = _Account(
            seed=_FIRST_SEED + number,
            base=base,
            share=ADDED / (1 - base),
            before=before,
            calls_a_day=calls_a_day,
            known=known,
        )
        attempts = account.attempts()
        change = attempts[before].at
        calls, _drift, alarms = _find_first(attempts, change)
        early += alarms
        found.append(calls)
        outcomes = np.array([one.outcome is AttemptOutcome.REFUSED for one in attempts], dtype=np.float64)
        baseline.append(_baseline_calls(outcomes, before, limit))
        observe()
    return {
        "base": base,
        "before": before,
        "calls_a_day": calls_a_day,
        "prompts": "known" if known else "withheld",
        "found": intervals.share(sum(one is not None for one in found), runs),
        "median_calls": _median(found),
        "alarms_before": early,
        "baseline": {
            "found": intervals.share(sum(one is not None for one in baseline), runs),
            "median_calls": _median(baseline),
        },
    }


def _find_first(attempts: Sequence[AttemptRecord], change: float) -> tuple[int | None, Drift | None, int]:
    """Calls until the first alarm after the change, its drift, and the number of earlier alarms."""
    drifts = find_drift(attempts).drifts
    later = [one for one in drifts if one.found_at >= change]
    early = len(drifts) - len(later)
    if not later:
        return None, None, early
    first = min(later, key=lambda one: one.found_at)
    return sum(change <= one.at <= first.found_at for one in attempts), first, early


def _judge_kind(drift: SimulatedDrift, runs: int, observe: Callable[[], None]) -> dict[str, Any]:
    expected, base, share = _KINDS[drift]
    kinds: list[str] = []
    for number in range(runs):
        account = _Account(
            seed=_FIRST_SEED + number,
            base=base,
            drift=drift,
            share=share,
            before=_KIND_BEFORE,
        )
        attempts = account.attempts()
        _calls, found, _early = _find_first(attempts, attempts[_KIND_BEFORE].at)
        if found is not None:
            kinds.append(found.kind.value)
        observe()
    return {
        "drift": drift.value,
        "expected": expected.value,
        "base": base,
        "found": intervals.share(len(kinds), runs),
        "right": intervals.share(kinds.count(expected.value), len(kinds)),
        "kinds": {kind: kinds.count(kind) for kind in sorted(set(kinds))},
    }


def _count_false_alarms(base: float, known: bool, years: int, observe: Callable[[], None]) -> dict[str, Any]:
    kinds: list[str] = []
    for number in range(years):
        account = _Account(
            seed=_FIRST_SEED + 5_000 + number,
            base=base,
            before=CALLS_A_DAY * _DAYS_A_YEAR,
            after=0,
            known=known,
        )
        kinds += [one.kind.value for one in find_drift(account.attempts()).drifts]
        observe()
    return {
        "base": base,
        "prompts": "known" if known else "withheld",
        "years": years,
        "alarms": len(kinds),
        "kinds": {kind: kinds.count(kind) for kind in sorted(set(kinds))},
    }


def _median(found: Sequence[int | None]) -> float | None:
    """The median of the calls; None if less than half of the drifts were found."""
    middle = float(np.median([np.inf if one is None else one for one in found]))
    return middle if math.isfinite(middle) else None


@cache
def _filter(seed: int, base: float) -> HiddenFilter:
    return make_filter(FilterFamily.LEXICON, _FIRST_SEED + seed, rate=base, noise=base / 5)


def _baseline_scores(outcomes: Array) -> Array:
    """z of the last `_WINDOW` outcomes against all before them, after each outcome from 2 windows on."""
    sums = np.concatenate([[0.0], np.cumsum(outcomes)])
    ends = np.arange(2 * _WINDOW, len(outcomes) + 1)
    last = sums[ends] - sums[ends - _WINDOW]
    earlier = sums[ends - _WINDOW]
    pooled = sums[ends] / ends
    spread = np.sqrt(np.maximum(pooled * (1 - pooled), 1e-9) * (1 / _WINDOW + 1 / (ends - _WINDOW)))
    return np.asarray((last / _WINDOW - earlier / (ends - _WINDOW)) / spread)


@cache
def _baseline_limit(base: float, before: int, calls_a_day: int) -> float:
    """The z with one false alarm a year at this rate, after this number of calls: from 200 years."""
    random = np.random.default_rng(_FIRST_SEED)
    calls = calls_a_day * _DAYS_A_YEAR
    tops = []
    for _year in range(200):
        outcomes = (random.random(before + calls) < base).astype(np.float64)
        tops.append(float(_baseline_scores(outcomes)[max(0, before - 2 * _WINDOW) :].max()))
    return float(np.quantile(tops, _QUIET_YEARS))


def _baseline_calls(outcomes: Array, before: int, limit: float) -> int | None:
    """Calls after the drift until the baseline's first alarm."""
    scores = _baseline_scores(outcomes)
    reached = [int(number) + 2 * _WINDOW for number in np.flatnonzero(scores > limit)]
    later = [number - before for number in reached if number > before]
    return later[0] if later else None
