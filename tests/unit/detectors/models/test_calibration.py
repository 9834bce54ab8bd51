from __future__ import annotations

import numpy as np
import pytest

from safelight.core.errors import InvalidField
from safelight.detectors.models.calibration import (
    MAX_UNMEASURED_SCORE,
    MIN_HARMLESS_IMAGES,
    fit_curve,
    fit_harmless,
)


def names(count: int) -> list[str]:
    return [f"none/{number}.png" for number in range(count)]


def test_harmless_pictures_alone_give_a_threshold_that_few_others_reach() -> None:
    chance = np.random.default_rng(3)
    curve = fit_harmless("violence", chance.normal(-4, 2, 2000).tolist(), names(2000))
    assert curve.false_positives <= 0.005
    assert curve.probability(curve.threshold) == pytest.approx(0.5)
    assert curve.probability(-4.0) == pytest.approx(0.02, abs=0.005)
    assert curve.temperature > 0
    assert "share found: not measured" in curve.summary
    assert "of 1000 of the operator's own harmless pictures" in curve.summary


def test_a_score_that_only_harmless_pictures_calibrated_never_blocks() -> None:
    raw = np.linspace(-3, 3, 400).tolist()
    assert fit_harmless("violence", raw, names(400)).probability(1e6) == MAX_UNMEASURED_SCORE
    both = fit_curve("violence", raw, [one > 0 for one in raw], names(400))
    assert both.probability(1e6) > 0.99


@pytest.mark.parametrize(
    ("raw", "said"),
    [([0.5] * MIN_HARMLESS_IMAGES, "same score"), (list(range(MIN_HARMLESS_IMAGES - 1)), "are needed")],
)
def test_too_few_pictures_or_equal_scores_are_refused(raw: list[float], said: str) -> None:
    with pytest.raises(InvalidField, match=said):
        fit_harmless("violence", raw, names(len(raw)))


def test_equal_scores_of_both_kinds_have_no_temperature() -> None:
    curve = fit_curve("violence", [1.0] * 80, [number % 2 == 0 for number in range(80)], names(80))
    assert curve.probability(1.0) == pytest.approx(0.5, abs=0.01)
    assert curve.temperature == float("inf") or curve.temperature > 1e6
