from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.policy.statistics import wilson


@given(st.integers(0, 500), st.integers(0, 500))
def test_the_interval_contains_the_rate_and_stays_within_bounds(hits: int, misses: int) -> None:
    low, high = wilson(hits, hits + misses)
    assert 0 <= low <= high <= 1
    if hits + misses:
        assert low <= hits / (hits + misses) <= high


def test_known_values() -> None:
    low, high = wilson(8, 10)
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
    assert wilson(0, 0) == (0.0, 1.0)
    with pytest.raises(ValueError, match="not a rate"):
        wilson(3, 2)
