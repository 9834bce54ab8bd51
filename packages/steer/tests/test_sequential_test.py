from __future__ import annotations

import math
import random

import pytest

from safelight_steer.errors import NotEnoughClips
from safelight_steer.sequential_test import Boundary, SequentialTest, upper_bound

CHECKS = 10


def safe_clip(source: random.Random) -> list[float]:
    """Scores of one clip: an offset of the clip, which makes its checks dependent, and noise that falls."""
    offset = source.gauss(0, 0.1)
    return [0.2 + offset + source.gauss(0, 0.15 / (1 + step)) for step in range(CHECKS)]


def stopped_at(boundary: Boundary, scores: list[float]) -> int | None:
    test = SequentialTest(boundary)
    return next((step for step, score in enumerate(scores) if test.add(score)), None)


def test_the_rate_of_false_aborts_is_kept_by_nineteen_of_twenty_boundaries() -> None:
    source = random.Random(1)
    kept, mean = 0, 0.0
    for _ in range(60):
        boundary = Boundary.fit([safe_clip(source) for _ in range(200)], false_abort_rate=0.05)
        rate = sum(stopped_at(boundary, safe_clip(source)) is not None for _ in range(1_000)) / 1_000
        kept += rate <= 0.05
        mean += rate / 60
    # With a probability of 0.95 for each, fewer than 53 of 60 are a matter of one in a hundred.
    assert kept >= 53
    # And it is no boundary that never stops anything.
    assert mean > 0.01


def test_rising_scores_are_stopped_before_half_of_the_checks() -> None:
    source = random.Random(2)
    boundary = Boundary.fit([safe_clip(source) for _ in range(400)], false_abort_rate=0.01)
    stops = []
    for _ in range(50):
        scores = [score + (0.9 if step >= 1 else 0.0) for step, score in enumerate(safe_clip(source))]
        stops.append(stopped_at(boundary, scores))
    assert sum(stop is not None and stop < CHECKS // 2 for stop in stops) >= 45


def test_one_high_score_among_low_ones_counts_half() -> None:
    boundary = Boundary.fixed(0.6)
    assert stopped_at(boundary, [0.0, 1.0, 0.0, 0.0]) is None
    assert stopped_at(boundary, [0.0, 1.0, 1.0, 0.0]) == 2


def test_too_few_clips_are_refused_with_the_number_that_is_needed() -> None:
    source = random.Random(3)
    with pytest.raises(NotEnoughClips, match="about 399 are needed"):
        Boundary.fit([safe_clip(source) for _ in range(100)], false_abort_rate=0.01)
    assert Boundary.fit([safe_clip(source) for _ in range(399)], false_abort_rate=0.01).clips == 300


def test_a_limit_by_hand_states_no_rate_and_a_fitted_one_only_for_its_number_of_checks() -> None:
    assert Boundary.fixed(0.5).rate_for(CHECKS) is None
    source = random.Random(4)
    boundary = Boundary.fit([safe_clip(source) for _ in range(80)], false_abort_rate=0.05)
    assert boundary.rate_for(CHECKS) == 0.05
    assert boundary.rate_for(CHECKS - 1) is None


def test_a_detector_with_one_score_for_all_safe_clips_gives_a_finite_boundary() -> None:
    boundary = Boundary.fit([[0.0] * CHECKS] * 80, false_abort_rate=0.05)
    assert math.isfinite(boundary.limit)
    assert stopped_at(boundary, [0.0] * CHECKS) is None


@pytest.mark.parametrize("rows", [[[0.1], [0.1, 0.2]], [[math.nan]] * 80])
def test_uneven_or_invalid_scores_are_refused(rows: list[list[float]]) -> None:
    with pytest.raises(ValueError, match=r"different numbers|not a number"):
        Boundary.fit(rows, false_abort_rate=0.05)


def test_the_upper_bound_of_a_rate() -> None:
    assert upper_bound(0, 500) == pytest.approx(0.00597, abs=1e-4)
    assert upper_bound(5, 500) == pytest.approx(0.0209, abs=2e-4)
    assert upper_bound(3, 3) == 1.0
