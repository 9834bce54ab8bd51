"""Drift evaluation: its rows, its baseline, and the same numbers in each run."""

from __future__ import annotations

import numpy as np
import pytest

from safelight_lab.evaluation import drift_eval
from safelight_lab.evaluation.drift_eval import count_steps, run_drift_eval


def test_a_small_run_has_all_rows_and_says_that_it_is_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift_eval, "BASES", (0.05,))
    monkeypatch.setattr(drift_eval, "SETUPS", ((100, 20, False),))
    monkeypatch.setattr(drift_eval, "YEARS", {False: 1, True: 0})
    steps: list[None] = []
    report = run_drift_eval(runs=2, observe=lambda: steps.append(None))
    assert report["simulated"]
    assert len(steps) == count_steps(2)
    (row,) = report["rows"]
    assert row["found"]["n"] == row["baseline"]["found"]["n"] == 2
    assert {one["drift"]: one["found"]["n"] for one in report["kinds"]} == dict.fromkeys(
        ("more", "less", "errors", "charges"), 2
    )
    assert [one["years"] for one in report["without_drift"]] == [1, 0]


def test_the_baseline_finds_a_large_change_and_nothing_without_one() -> None:
    limit = drift_eval._baseline_limit(0.05, 300, 1)
    rise = np.concatenate([np.tile([1.0] + [0.0] * 19, 15), np.ones(60)])
    assert drift_eval._baseline_calls(rise, 300, limit) in range(1, 30)
    assert drift_eval._baseline_calls(np.tile([1.0] + [0.0] * 19, 18), 300, limit) is None
