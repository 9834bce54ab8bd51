from __future__ import annotations

import pytest

from safelight_steer.plan import Concept, Method, SteeringPlan, join_negative_prompts


def test_negative_prompts_are_joined_and_repeated_parts_dropped() -> None:
    assert join_negative_prompts("red paint, Blurred", None, "blurred,  low   quality,") == (
        "red paint, Blurred, low quality"
    )


def test_the_policys_part_stands_before_the_users() -> None:
    plan = SteeringPlan(
        concepts=(Concept(id="style", phrases=("a person",), negative="photorealistic"),),
        methods=frozenset({Method.NEGATIVE}),
    )
    assert join_negative_prompts(plan.negative, "word, " * 500).startswith("photorealistic")


def test_a_plan_cannot_require_a_method_that_it_does_not_use() -> None:
    with pytest.raises(ValueError, match="requires methods that it does not use: guidance"):
        SteeringPlan(required=frozenset({Method.GUIDANCE}))


def test_steering_needs_a_concept_and_watching_does_not() -> None:
    with pytest.raises(ValueError, match="at least one concept"):
        SteeringPlan(methods=frozenset({Method.NEGATIVE}))
    assert not SteeringPlan(methods=frozenset({Method.WATCHING})).steers
