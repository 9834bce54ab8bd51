from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight_lab.evaluation.suite.paired import compare, interval, mcnemar

PAIRS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)


def test_mcnemar_is_the_exact_binomial_test() -> None:
    assert mcnemar(0, 0) == 1
    assert mcnemar(5, 5) == 1
    assert mcnemar(0, 5) == pytest.approx(2 / 32)
    assert mcnemar(1, 9) == pytest.approx(2 * 11 / 1024)


@pytest.mark.parametrize(
    "cells",
    [(0.6, 0.1, 0.1, 0.2), (0.5, 0.2, 0.05, 0.25), (0.2, 0.05, 0.05, 0.7), (0.1, 0.02, 0.08, 0.8)],
    ids=str,
)
def test_the_interval_covers_the_true_difference_about_as_often_as_it_says(cells: tuple[float, ...]) -> None:
    n = 40
    both_p, new_p, gone_p, neither_p = cells
    covered = 0.0
    for both in range(n + 1):
        for new in range(n + 1 - both):
            for gone in range(n + 1 - both - new):
                neither = n - both - new - gone
                ways = math.factorial(n)
                for one in (both, new, gone, neither):
                    ways //= math.factorial(one)
                low, high = interval(both, new, gone, neither)
                if low <= new_p - gone_p <= high:
                    covered += ways * both_p**both * new_p**new * gone_p**gone * neither_p**neither
    assert 0.93 <= covered <= 0.99


@given(PAIRS)
def test_the_difference_is_signed_and_lies_in_its_interval(pairs: list[tuple[bool, bool]]) -> None:
    there, back = compare(pairs), compare([(after, before) for before, after in pairs])
    assert there["difference"] == pytest.approx(-back["difference"])
    assert there["interval"] == pytest.approx([-back["interval"][1], -back["interval"][0]])
    assert there["p"] == back["p"]
    low, high = there["interval"]
    assert -1 <= low <= there["difference"] + 1e-12
    assert there["difference"] - 1e-12 <= high <= 1


def test_without_a_row_nothing_is_known() -> None:
    assert compare([])["interval"] == [-1.0, 1.0]
