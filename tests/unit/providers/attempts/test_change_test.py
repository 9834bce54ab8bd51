"""The change test: alarms, their place, and false alarms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.providers.attempts.change_test import Array, Direction, RateChange, find_change, weigh_change


def _outcomes(*parts: tuple[int, float], seed: int = 1) -> Array:
    """Parts of outcomes, each with its number and its rate."""
    random = np.random.default_rng(seed)
    return np.concatenate([random.random(count) < rate for count, rate in parts]).astype(np.float64)


def _find(
    outcomes: Array, direction: Direction = Direction.UP, threshold: float = 7300.0
) -> RateChange | None:
    return find_change(outcomes, np.zeros(len(outcomes)), direction=direction, threshold=threshold)


@given(st.lists(st.sampled_from([0.0, 1.0]), max_size=120), st.integers(0, 120), st.sampled_from(Direction))
@settings(max_examples=60, deadline=None)
def test_an_alarm_does_not_depend_on_what_follows(
    outcomes: list[float], end: int, direction: Direction
) -> None:
    risks = np.linspace(-1.0, 1.0, len(outcomes))
    whole = find_change(np.array(outcomes), risks, direction=direction, threshold=300.0)
    part = find_change(np.array(outcomes[:end]), risks[:end], direction=direction, threshold=300.0)
    assert part == (whole if whole is not None and whole.alarm < end else None)
    if whole is not None:
        assert 0 <= whole.earliest <= whole.latest <= whole.alarm
        assert 0 <= whole.start <= whole.alarm


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("direction", Direction)
def test_outcomes_that_are_always_the_same_give_no_alarm(value: float, direction: Direction) -> None:
    assert _find(np.full(3_000, value), direction) is None
    assert _find(np.zeros(0), direction) is None


def test_a_rise_and_a_fall_are_found_near_their_start_and_only_as_such() -> None:
    outcomes = _outcomes((400, 0.05), (100, 0.6))
    found = _find(outcomes)
    assert found is not None
    assert found.earliest <= 400 <= found.latest
    assert 400 <= found.alarm <= 430
    assert _find(outcomes, Direction.DOWN) is None
    fallen = _find(_outcomes((400, 0.5), (150, 0.05)), Direction.DOWN)
    assert fallen is not None
    assert fallen.earliest <= 400 <= fallen.latest


def test_a_higher_expected_risk_explains_more_refusals() -> None:
    outcomes = _outcomes((400, 0.05), (100, 0.5))
    risks = np.where(np.arange(500) < 400, 0.0, 3.0)
    assert find_change(outcomes, risks, direction=Direction.UP, threshold=7300.0) is None
    assert _find(outcomes) is not None


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.3])
def test_false_alarms_are_at_most_as_frequent_as_the_threshold_says(rate: float) -> None:
    # Of 100 series of 300 outcomes, 14 have a false alarm on average if 2,000 outcomes are between two.
    alarms = sum(
        _find(_outcomes((300, rate), seed=seed), threshold=2_000.0) is not None for seed in range(100)
    )
    assert alarms <= 21


def test_the_weight_of_a_change_is_positive_only_with_a_change() -> None:
    outcomes, risks = _outcomes((200, 0.05), (40, 0.4)), np.zeros(240)
    assert weigh_change(outcomes, risks, 200, direction=Direction.UP) > 5
    assert weigh_change(outcomes, risks, 200, direction=Direction.DOWN) < 0
    assert weigh_change(outcomes[:200], risks[:200], 100, direction=Direction.UP) < 1
