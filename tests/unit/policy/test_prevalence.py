from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from safelight.policy.statistics import MIN_ANSWERS, WANTED_HALF_WIDTH, Prevalence, needed_sample, wilson


def test_no_rate_below_300_answers() -> None:
    assert not Prevalence(found=0, n=MIN_ANSWERS - 1).is_enough
    none_found = Prevalence(found=0, n=MIN_ANSWERS)
    assert none_found.is_enough
    assert 0.0126 < none_found.interval[1] < 0.0127


@given(st.integers(0, 5_000), st.integers(1, 100_000))
def test_the_needed_sample_has_the_wanted_width_and_one_less_has_not(found: int, n: int) -> None:
    rate = min(found, n) / n
    needed = needed_sample(rate, 0.01)
    hits = round(rate * needed)
    low, high = wilson(hits, needed)
    if hits / needed == rate:
        assert (high - low) / 2 <= 0.01 + 1e-9
    assert needed_sample(rate, 0.005) > needed


def test_needed_sample_of_known_rates() -> None:
    assert needed_sample(0.0, WANTED_HALF_WIDTH) == 1_917
    assert needed_sample(0.5, WANTED_HALF_WIDTH) == 960_361
