"""Overturn rates per rule: counted from decided appeals, and a rate only where there are enough."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from safelight.cases.appeals import MIN_DECIDED, count_rates

decided = st.lists(st.tuples(st.sampled_from(["", "card", "gore"]), st.booleans()), max_size=120)


@given(decided)
def test_every_decided_appeal_is_counted_once_and_a_rate_needs_twenty(made: list[tuple[str, bool]]) -> None:
    rates = count_rates(made)
    assert sum(one.decided for one in rates) == len(made)
    assert sum(one.overturned for one in rates) == sum(won for _, won in made)
    assert len({one.rule for one in rates}) == len(rates)
    for one in rates:
        assert (one.interval is None) == (one.decided < MIN_DECIDED)
        if one.interval is not None:
            low, high = one.interval
            assert 0 <= low <= one.overturned / one.decided <= high <= 1
