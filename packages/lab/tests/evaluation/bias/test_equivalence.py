"""Equivalence: known answers, and properties that hold for all data."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight_lab.evaluation.bias.equivalence import bootstrap_interval, detectable, equivalence_p, holm

FRAMES = st.lists(st.sampled_from((-1.0, -0.5, 0.0, 0.5, 1.0)), min_size=1, max_size=200)


def test_frames_without_a_difference_show_only_what_their_number_allows() -> None:
    assert equivalence_p([0.0] * 100) == pytest.approx(0.97**100)
    assert equivalence_p([0.0] * 10) > 0.7
    assert equivalence_p([0.0] * 240) < 0.001


def test_few_frames_that_differ_are_counted_exactly() -> None:
    # At most one of 100 with a chance of 3 % each.
    expected = 0.97**100 + 100 * 0.03 * 0.97**99
    assert equivalence_p([1.0] + [0.0] * 99) == pytest.approx(expected)
    assert equivalence_p([-0.5] + [0.0] * 99) == pytest.approx(expected)


def test_many_frames_that_differ_are_tested_by_their_mean() -> None:
    # A mean of 0 with a standard error of 1 point: 3 of them to the margin.
    error = math.sqrt(0.05 / 499)
    frames = [0.5] * 50 + [-0.5] * 50 + [0.0] * 400
    assert equivalence_p(frames) == pytest.approx(0.5 * math.erfc(0.03 / error / math.sqrt(2)), rel=1e-6)
    assert equivalence_p([0.03] * 50) == 1.0
    assert equivalence_p([0.01] * 50) == 0.0


@given(FRAMES)
def test_the_sides_are_alike_and_p_is_a_probability(frames: list[float]) -> None:
    p = equivalence_p(frames)
    assert 0 <= p <= 1
    assert equivalence_p([-one for one in frames]) == pytest.approx(p)
    assert equivalence_p(frames, margin=0.1) <= p + 1e-9


@given(FRAMES)
def test_a_difference_over_the_margin_is_never_shown_as_equivalent(frames: list[float]) -> None:
    if abs(sum(frames) / len(frames)) >= 0.03:
        assert equivalence_p(frames) >= 0.4


@given(FRAMES)
def test_the_interval_is_ordered_bounded_and_the_same_each_time(frames: list[float]) -> None:
    low, high = bootstrap_interval(frames)
    assert min(frames) - 1e-9 <= low <= high <= max(frames) + 1e-9
    assert (low, high) == bootstrap_interval(frames)


def test_the_interval_of_a_coin_has_the_known_width() -> None:
    low, high = bootstrap_interval([1.0, 0.0] * 200)
    assert (low, high) == (pytest.approx(0.5 - 1.96 * 0.025, abs=0.005), pytest.approx(0.549, abs=0.005))


def test_power_is_that_of_the_normal_test_and_never_better_than_the_number_of_frames() -> None:
    error = math.sqrt(0.25 * 400 / 399 / 400)
    assert detectable([1.0, 0.0] * 200) == pytest.approx(2.8016 * error, rel=1e-3)
    assert detectable([0.0] * 100) == pytest.approx(1 - 0.2**0.01)
    assert detectable([0.0]) <= 1


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_never_lowers_a_p_keeps_their_order_and_is_at_most_bonferroni(ps: list[float]) -> None:
    corrected = holm(ps)
    for p, found in zip(ps, corrected, strict=True):
        assert p <= found <= min(1.0, p * len(ps)) + 1e-12
    order = sorted(range(len(ps)), key=lambda place: ps[place])
    assert [corrected[place] for place in order] == sorted(corrected)
