from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.remote.call_budget import CallBudget

_DAY_S = 86_400


@given(st.integers(1, 4), st.lists(st.integers(0, _DAY_S), max_size=30))
def test_no_24_hours_have_more_calls_than_the_limit(limit: int, waits: list[int]) -> None:
    now = 0
    budget = CallBudget(limit, clock=lambda: float(now))
    calls: list[int] = []
    for wait in waits:
        now += wait
        within = [at for at in calls if now - at < _DAY_S]
        assert budget.take() is (len(within) < limit)
        if len(within) < limit:
            calls.append(now)


def test_zero_is_no_limit() -> None:
    budget = CallBudget(0, clock=lambda: 0.0)
    assert all(budget.take() for _ in range(1000))
