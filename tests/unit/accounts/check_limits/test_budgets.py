"""Budgets by the minute: never more in any hour than allowed, and always some again after it."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from safelight.accounts.check_limits import WINDOW_S, remaining_budget, start_of_minute

NOW = 1_800_000_000.0
gaps = st.lists(st.floats(0, 900), max_size=80)


@given(gaps, st.integers(1, 20))
def test_no_hour_exceeds_the_limit_and_a_refused_check_fits_after_its_retry_delay(
    waits: list[float], limit: int
) -> None:
    now = NOW
    minutes: Counter[int] = Counter()
    spent: list[float] = []
    for wait in waits:
        now += wait
        found = remaining_budget(minutes.items(), now=now, limit=limit, cost=1)
        assert found.left == max(0, limit - found.used)
        if found.used + 1 <= limit:
            assert found.retry_after_s == 0
            minutes[start_of_minute(now)] += 1
            spent.append(now)
            assert sum(1 for at in spent if now - WINDOW_S < at <= now) <= limit
        else:
            assert found.retry_after_s > 0
            later = remaining_budget(
                minutes.items(), now=now + found.retry_after_s + 0.001, limit=limit, cost=1
            )
            assert later.used + 1 <= limit


@given(st.integers(1, 50), st.integers(1, 100))
def test_a_cost_above_the_limit_never_fits(limit: int, more: int) -> None:
    found = remaining_budget([], now=NOW, limit=limit, cost=limit + more)
    assert found.retry_after_s > 0
    assert found.used + limit + more > limit


@given(st.lists(st.tuples(st.integers(0, 10_000_000), st.integers(0, 5)), max_size=30), st.integers(1, 9))
def test_checks_older_than_an_hour_do_not_count(old: list[tuple[int, int]], limit: int) -> None:
    long_ago = [(start // 60 * 60, amount) for start, amount in old]
    assert remaining_budget(long_ago, now=NOW, limit=limit, cost=1).used == 0
