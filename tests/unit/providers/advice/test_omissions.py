from __future__ import annotations

from collections.abc import Sequence

from safelight.providers.advice.omissions import BY_OUTCOMES, MAIN_SCENE, EstimateRisks
from safelight.providers.advice.prompt_advice import BlockedAt, PromptAdvice
from support import prompt_advice

PROMPT = "A dancer sits in a garden, golden light, clouds drift, the camera circles"


def refuses(*words: str) -> EstimateRisks:
    def estimate(prompts: Sequence[str]) -> Sequence[float]:
        return [0.8 if any(word in prompt for word in words) else 0.2 for prompt in prompts]

    return estimate


def unknown(_prompts: Sequence[str]) -> None:
    return None


def advised(estimate: EstimateRisks, **options: object) -> PromptAdvice:
    return prompt_advice.advised(
        PROMPT, **{"blocked_at": BlockedAt.REQUEST, "estimate_others": estimate, **options}
    )


def test_a_detail_with_words_of_refused_requests_is_left_out_first() -> None:
    first = advised(refuses("clouds")).suggestions[0]
    assert (first.message, first.values["words"]) == (BY_OUTCOMES, "clouds drift")
    assert first.rewritten == "A dancer sits in a garden, golden light, the camera circles"
    assert first.conditions == ("same_scene",)


def test_details_that_do_not_lower_the_risk_stay() -> None:
    changed = [one for one in advised(refuses("dancer")).suggestions if one.message == BY_OUTCOMES]
    assert changed == []


def test_without_outcomes_the_main_scene_comes_first_and_then_each_half_of_the_details() -> None:
    found = [one for one in advised(unknown).suggestions if one.message == MAIN_SCENE]
    assert [one.rewritten for one in found] == [
        "A dancer sits",
        "A dancer sits in a garden, golden light",
        "A dancer sits, clouds drift, the camera circles",
    ]
    assert {one.conditions for one in found} == {("same_scene",)}


def test_without_outcomes_a_single_detail_is_not_left_out() -> None:
    options = {"blocked_at": BlockedAt.REQUEST, "estimate_others": unknown}
    for prompt in (
        "Pilgrims circle a shrine, top-down timelapse, dusk",
        "黃昏時，幾位朝聖者繞著聖殿慢慢行走",
    ):
        advice = prompt_advice.advised(prompt, **options)
        assert MAIN_SCENE not in {one.message for one in advice.suggestions}, prompt


def test_nothing_is_left_out_before_a_block_after_a_failed_rewrite_or_without_help() -> None:
    called: list[int] = []

    def estimate(prompts: Sequence[str]) -> Sequence[float]:
        called.append(len(prompts))
        return [0.5] * len(prompts)

    for options in ({"blocked_at": None}, {"rewrite_failed": True}):
        advice = advised(estimate, **options)
        assert not {BY_OUTCOMES, MAIN_SCENE} & {one.message for one in advice.suggestions}
    assert called == []
