"""The risk evaluation: its report, and the calibration error."""

from __future__ import annotations

import numpy as np
import pytest

from safelight_lab.evaluation import risk_eval
from safelight_lab.evaluation.risk_eval import CIRCULAR, expected_calibration_error, run_risk_eval


def test_the_report_is_titled_simulated_and_names_the_circular_filter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(risk_eval, "SIZES", (60,))
    fits: list[int] = []
    report = run_risk_eval(judged=300, filters=1, families=(CIRCULAR,), observe=lambda: fits.append(1))
    assert report["simulated"] is True
    (row,) = report["rows"]
    assert (row["family"], row["circular"], row["outcomes"], len(fits)) == (CIRCULAR, True, 60, 1)
    assert row["auroc"] <= row["optimum"] + 0.02
    assert row["share"] == pytest.approx((row["auroc"] - 0.5) / (row["optimum"] - 0.5), abs=0.001)


def test_the_calibration_error_is_the_distance_between_probability_and_share() -> None:
    outcomes = np.tile([True, False, False, False], 250)
    assert expected_calibration_error(np.full(1000, 0.25), outcomes) == pytest.approx(0.0, abs=0.01)
    assert expected_calibration_error(np.full(1000, 0.45), outcomes) == pytest.approx(0.2, abs=0.01)
