"""A rule is named only if the lower end of the interval of its errors is too high."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from safelight.cases.appeals import OverturnRate
from safelight.cases.quality.rule_answers import RuleAnswers, RuleCount
from safelight.cases.quality.rule_suggestions import MAX_MISSED, MAX_WRONG, SuggestionSource, suggest_rules
from safelight.policy.draft import DraftDirection
from safelight.policy.statistics import MIN_ANSWERS, wilson


def test_too_few_answers_and_low_rates_name_no_rule() -> None:
    rates = [
        OverturnRate(rule="few-1", decided=19, overturned=19),
        OverturnRate(rule="low-1", decided=100, overturned=10),
        OverturnRate(rule="", decided=100, overturned=100),
    ]
    missed = (RuleCount(rule="vi-3", wrong=50, of=MIN_ANSWERS - 1), RuleCount(rule="vi-4", wrong=1, of=1000))
    assert suggest_rules(rates, RuleAnswers(missed=missed)) == ()


def test_the_worst_rule_comes_first_with_its_direction_and_interval() -> None:
    rates = [OverturnRate(rule="vi-3", decided=40, overturned=20)]
    answers = RuleAnswers(
        stopped=(RuleCount(rule="sx-4", wrong=30, of=40),),
        missed=(RuleCount(rule="ha-2", wrong=4, of=400), RuleCount(rule="ha-2", wrong=8, of=400)),
    )
    found = suggest_rules(rates, answers)
    assert [(one.rule, one.source, one.direction, one.wrong, one.of) for one in found] == [
        ("sx-4", SuggestionSource.REVIEWS, DraftDirection.MILDER, 30, 40),
        ("vi-3", SuggestionSource.APPEALS, DraftDirection.MILDER, 20, 40),
        ("ha-2", SuggestionSource.SAMPLES, DraftDirection.STRICTER, 8, 400),
    ]
    assert found[1].interval == wilson(20, 40)


@given(st.integers(0, 400), st.integers(0, 400))
def test_a_named_rule_is_above_its_limit(wrong: int, more: int) -> None:
    count = RuleCount(rule="a-1", wrong=wrong, of=wrong + more)
    rates = [OverturnRate(rule="a-1", decided=count.of, overturned=wrong)]
    for one in suggest_rules(rates, RuleAnswers(stopped=(count,), missed=(count,))):
        limit = MAX_MISSED if one.source is SuggestionSource.SAMPLES else MAX_WRONG
        assert limit < one.interval[0] <= one.wrong / one.of
