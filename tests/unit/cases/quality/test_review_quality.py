"""The figures of a team, by how many people answered."""

from __future__ import annotations

from safelight.cases.quality import TeamAnswers
from safelight.cases.quality.review_quality import team_figures

SAME, OTHER = ("in_policy", "in_policy"), ("against_policy", "in_policy")


def test_fewer_than_five_people_have_their_rounded_agreement_and_no_figure_that_tells_them_apart() -> None:
    cases = (SAME,) * 9 + (SAME[:1] + OTHER[:1],) * 2 + (("against_policy",) * 2,) * 9
    pairs = cases * 2
    few, many = (
        team_figures(TeamAnswers(people=people, of_cases=cases, golden=pairs, second=pairs, machine=pairs))
        for people in (2, 5)
    )
    assert {name for name, value in few.items() if value is None} == {"golden", "second", "machine"}
    assert few["alpha"] == 0.8
    assert 0.8 < many["alpha"] < 0.85
    assert many["second"]["n"] == 40
