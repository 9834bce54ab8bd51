"""Agreement statistics equal those of scikit-learn and of the package krippendorff."""

from __future__ import annotations

import math
import random
import warnings

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from safelight.policy.statistics import MIN_CASES, Accuracy, cohen_kappa, krippendorff_alpha

_ANSWERS = st.sampled_from(["allow", "label", "block"])
_TABLES = st.lists(st.lists(st.integers(0, 4), max_size=5), min_size=1, max_size=30)


@given(st.lists(st.tuples(_ANSWERS, _ANSWERS), min_size=1, max_size=60))
def test_kappa_equals_that_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    found = cohen_kappa(pairs)
    if found is None:
        assert len({answer for pair in pairs for answer in pair}) == 1
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = metrics.cohen_kappa_score([pair[0] for pair in pairs], [pair[1] for pair in pairs])
    assert math.isclose(found, wanted, rel_tol=0, abs_tol=1e-9)


@given(_TABLES)
def test_alpha_equals_that_of_krippendorff(table: list[list[int]]) -> None:
    krippendorff = pytest.importorskip("krippendorff")
    assume(len({answer for of_case in table if len(of_case) > 1 for answer in of_case}) > 1)
    people = max(map(len, table))
    columns = [[*of_case, *[math.nan] * (people - len(of_case))] for of_case in table]
    wanted = krippendorff.alpha(
        reliability_data=[list(row) for row in zip(*columns, strict=True)],
        level_of_measurement="nominal",
    )
    found = krippendorff_alpha(table)
    assert found is not None
    assert math.isclose(found, wanted, rel_tol=0, abs_tol=1e-9)


@given(_TABLES, st.randoms())
def test_alpha_does_not_depend_on_the_order_of_cases_and_answers(
    table: list[list[int]], shuffled: random.Random
) -> None:
    other = [shuffled.sample(of_case, len(of_case)) for of_case in table]
    shuffled.shuffle(other)
    found, again = (krippendorff_alpha(one) for one in (table, other))
    assert (found is None) == (again is None)
    if found is not None and again is not None:
        assert math.isclose(found, again, abs_tol=1e-9)
        assert found <= 1 + 1e-9


def test_perfect_agreement_is_one_and_a_single_answer_is_not_defined() -> None:
    assert cohen_kappa([("a", "a"), ("b", "b")]) == 1.0
    assert krippendorff_alpha([[1, 1], [2, 2, 2]]) == 1.0
    assert cohen_kappa([("a", "a")] * 30) is None
    assert cohen_kappa([]) is None
    assert krippendorff_alpha([[1, 1], [1, 1], [2]]) is None


def test_accuracy_is_given_from_20_cases() -> None:
    assert not Accuracy(right=MIN_CASES - 1, n=MIN_CASES - 1).is_enough
    enough = Accuracy(right=18, n=MIN_CASES)
    assert enough.is_enough
    assert enough.interval == pytest.approx((0.6990, 0.9721), abs=1e-4)
