from __future__ import annotations

from collections.abc import Sequence

from safelight.advice.omissions import BY_OUTCOMES, MAIN_SCENE, EstimateRisks
from safelight.advice.prompt_advice import AdviceOptions, BlockedAt, PromptAdvice, ScreenedRequest, advise_on

PROMPT = "A dancer sits in a garden, golden light, clouds drift, the camera circles"


def refuses(*words: str) -> EstimateRisks:
    def estimate(prompts: Sequence[str]) -> Sequence[float]:
        return [0.8 if any(word in prompt for word in words) else 0.2 for prompt in prompts]

    return estimate


def unknown(_prompts: Sequence[str]) -> None:
    return None


def advised(estimate: EstimateRisks, **options: object) -> PromptAdvice:
    return advise_on(
        ScreenedRequest(texts={"prompt": PROMPT}),
        None,
        AdviceOptions(**{"blocked_at": BlockedAt.REQUEST, "estimate_others": estimate, **options}),  # type: ignore[arg-type]
    )


def test_a_detail_with_words_of_refused_requests_is_left_out_first() -> None:
    first = advised(refuses("clouds")).suggestions[0]
    assert (first.message, first.values["words"]) == (BY_OUTCOMES, "clouds drift")
    assert first.rewritten == "A dancer sits in a garden, golden light, the camera circles"
    assert first.conditions == ("same_scene",)


def test_details_that_do_not_lower_the_risk_stay() -> None:
    changed = [one for one in advised(refuses("dancer")).suggestions if one.message == BY_OUTCOMES]
    assert changed == []


def test_without_outcomes_the_main_scene_and_each_half_of_the_details_are_suggested() -> None:
    found = [one.rewritten for one in advised(unknown).suggestions[:3] if one.message == MAIN_SCENE]
    assert sorted(found) == [
        "A dancer sits",
        "A dancer sits in a garden, golden light",
        "A dancer sits, clouds drift, the camera circles",
    ]


def test_nothing_is_left_out_before_a_block_after_a_failed_rewrite_or_without_help() -> None:
    called: list[int] = []

    def estimate(prompts: Sequence[str]) -> Sequence[float]:
        called.append(len(prompts))
        return [0.5] * len(prompts)

    for options in ({"blocked_at": None}, {"rewrite_failed": True}):
        advice = advised(estimate, **options)
        assert not {BY_OUTCOMES, MAIN_SCENE} & {one.message for one in advice.suggestions}
    assert called == []
