"""The order of the queue, as a property of the formula."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from safelight.policy.findings import MAX_SEVERITY, SHIPPED, severity_of
from safelight.videos.case_rows.priority import DOUBLING_S, MAX_COUNTED_REACH, MAX_HEAD_START_S, rank_at

due_times = st.floats(min_value=0, max_value=4e9)
severities = st.sampled_from([1, 2, 4, 8, 16])
reaches = st.integers(min_value=1, max_value=MAX_COUNTED_REACH)
cases = st.tuples(due_times, severities, reaches)


def score(case: tuple[float, int, int], now: float) -> float:
    """Severity times reach times urgency, as a logarithm: the product itself overflows."""
    due_at, severity, reach = case
    return math.log2(severity) + math.log2(reach) - (due_at - now) / DOUBLING_S


def rank(case: tuple[float, int, int]) -> float:
    due_at, severity, reach = case
    return rank_at(due_at=due_at, severity=severity, reach=reach)


@given(cases, cases, due_times)
def test_the_stored_order_is_that_of_the_product_at_any_time(
    one: tuple[float, int, int], other: tuple[float, int, int], now: float
) -> None:
    if rank(one) < rank(other) - 1.0:
        assert score(one, now) > score(other, now)


@given(cases, st.integers(min_value=-5, max_value=10_000))
def test_severity_reach_and_an_earlier_due_time_only_bring_a_case_forward(
    case: tuple[float, int, int], more: int
) -> None:
    due_at, severity, reach = case
    assert rank((due_at, severity, reach + abs(more))) <= rank(case)
    assert rank((due_at, MAX_SEVERITY, reach)) <= rank(case)
    assert rank((due_at - abs(more), severity, reach)) <= rank(case)


@given(cases, cases)
def test_every_case_gets_its_turn(one: tuple[float, int, int], later: tuple[float, int, int]) -> None:
    if later[0] > one[0] + MAX_HEAD_START_S + 1.0:
        assert rank(one) < rank(later)


@given(due_times, st.integers(), st.integers())
def test_wrong_numbers_are_limited(due_at: float, severity: int, reach: int) -> None:
    assert due_at - MAX_HEAD_START_S - 1.0 <= rank_at(due_at=due_at, severity=severity, reach=reach) <= due_at


def test_a_category_that_is_not_shipped_has_the_default_severity() -> None:
    assert {severity_of(spec.name) for spec in SHIPPED} == {1, 2, 4, 8, 16}
    assert severity_of("acme/other") == 4
