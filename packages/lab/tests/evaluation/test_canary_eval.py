"""Canary evaluation: all rows, and a drift of all requests is found with few calls."""

from __future__ import annotations

import pytest

from safelight_lab.evaluation import canary_eval
from safelight_lab.evaluation.canary_eval import count_steps, run_canary_eval
from safelight_lab.simulation.simulated_provider import SimulatedDrift


def test_a_small_run_has_all_rows_and_says_that_it_is_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary_eval, "BEFORE", (30,))
    monkeypatch.setattr(canary_eval, "SHARES", (1.0,))
    monkeypatch.setattr(canary_eval, "YEARS", 1)
    steps: list[None] = []
    report = run_canary_eval(runs=3, observe=lambda: steps.append(None))
    assert report["simulated"]
    assert len(steps) == count_steps(3)
    assert [(row["drift"], row["noise"]) for row in report["rows"]] == [
        (SimulatedDrift.MORE, 0.0),
        (SimulatedDrift.MORE, 0.01),
        (SimulatedDrift.ERRORS, 0.0),
    ]
    for row in report["rows"]:
        assert (row["found"]["k"], row["right"]) == (3, 3)
        assert row["most_calls"] <= 6
    assert [one["years"] for one in report["without_drift"]] == [1, 1]
