"""Canary evaluation: how many canaries it takes to find a simulated drift, and false alarms without one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from safelight.policy.statistics import wilson
from safelight.providers.attempts.drift import DriftKind, DriftSource, find_drift
from safelight.providers.attempts.models import AttemptOrigin, AttemptRecord
from safelight.providers.protocol import Charge, ChargeStatus
from safelight_lab.simulation.hidden_filter import HiddenFilter
from safelight_lab.simulation.simulated_provider import ProviderBehaviour, SimulatedDrift

from .simulated_attempt import simulate_attempt

#: Calls of the canaries before the drift, and after it.
BEFORE, WITHIN = (10, 30, 100), 60
#: Shares of the requests that are refused, or fail, after the drift.
SHARES = (0.2, 0.5, 1.0)
#: Shares of the canaries that are refused by chance: none, and one of a hundred.
NOISES = (0.0, 0.01)
#: The drift and the share that is refused by chance, of the rows.
SETUPS = (*((SimulatedDrift.MORE, noise) for noise in NOISES), (SimulatedDrift.ERRORS, 0.0))
#: Years without drift.
YEARS = 200
#: Prompts of an account, and calls a day of all of them.
_PROMPTS, _CALLS_A_DAY = 4, 4
_FIRST_SEED, _DAY_S, _START = 40_000, 86_400.0, 1_750_000_000.0
_KINDS = {SimulatedDrift.MORE: DriftKind.REFUSES_MORE, SimulatedDrift.ERRORS: DriftKind.FAILS_MORE}


def run_canary_eval(*, runs: int, observe: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """The report as JSON. `observe` is called after each run and each year."""
    return {
        "simulated": True,
        "runs": runs,
        "within": WITHIN,
        "rows": [
            _detect(drift, noise, before, share, runs, observe)
            for drift, noise in SETUPS
            for before in BEFORE
            for share in SHARES
        ],
        "without_drift": [_count_false_alarms(noise, _years(runs), observe) for noise in NOISES],
    }


def count_steps(runs: int) -> int:
    """How often `observe` is called."""
    return runs * len(SETUPS) * len(BEFORE) * len(SHARES) + len(NOISES) * _years(runs)


def _years(runs: int) -> int:
    return min(YEARS, runs)


def _detect(
    drift: SimulatedDrift, noise: float, before: int, share: float, runs: int, observe: Callable[[], None]
) -> dict[str, Any]:
    calls: list[float] = []
    early = right = 0
    for number in range(runs):
        change = _START + before * _DAY_S / _CALLS_A_DAY
        behaviour = ProviderBehaviour(
            seed=_FIRST_SEED + number, drift_at=change, drift_kind=drift, drift_share=share
        )
        attempts = _call(behaviour, noise, before + WITHIN)
        drifts = find_drift(attempts).drifts
        early += sum(one.found_at < change for one in drifts)
        later = [one for one in drifts if one.found_at >= change and one.found_in is DriftSource.CANARIES]
        if later:
            first = min(later, key=lambda one: one.found_at)
            calls.append(sum(change <= one.at <= first.found_at for one in attempts))
            right += first.kind is _KINDS[drift]
        observe()
    missed = [float("inf")] * (runs - len(calls))
    middle = float(np.median([*calls, *missed]))
    return {
        "drift": drift.value,
        "noise": noise,
        "before": before,
        "share": share,
        "found": {
            "k": len(calls),
            "n": runs,
            "interval": [round(end, 4) for end in wilson(len(calls), runs)],
        },
        "median_calls": middle if np.isfinite(middle) else None,
        "most_calls": max(calls, default=None),
        "right": right,
        "alarms_before": early,
    }


def _count_false_alarms(noise: float, years: int, observe: Callable[[], None]) -> dict[str, Any]:
    alarms = 0
    for number in range(years):
        behaviour = ProviderBehaviour(seed=_FIRST_SEED + 5_000 + number)
        alarms += len(find_drift(_call(behaviour, noise, 365 * _CALLS_A_DAY)).drifts)
        observe()
    return {"noise": noise, "years": years, "alarms": alarms}


def _call(behaviour: ProviderBehaviour, noise: float, count: int) -> list[AttemptRecord]:
    """The calls of canaries at a simulated provider, as the attempt log has them."""
    # The prompts pass but for the noise: canaries are chosen by that.
    hidden = HiddenFilter(score=lambda _prompt: 0.0, mean=0.0, spread=1.0, threshold=5.0, noise=noise)
    return [_attempt(hidden, behaviour, number) for number in range(count)]


def _attempt(hidden: HiddenFilter, behaviour: ProviderBehaviour, number: int) -> AttemptRecord:
    at = _START + number * _DAY_S / _CALLS_A_DAY
    prompt = f"A quiet lake, canary {number % _PROMPTS}"
    return replace(
        simulate_attempt(hidden, behaviour, number, prompt, at),
        origin=AttemptOrigin.CANARY,
        model="simulated-1",
        charge=Charge(charged=ChargeStatus.UNKNOWN, currency=""),
    )
