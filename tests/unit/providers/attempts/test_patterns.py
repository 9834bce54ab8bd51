"""Patterns of refusals: counts, intervals and likely causes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from safelight.providers.attempts import patterns
from safelight.providers.attempts.models import AttemptOutcome, AttemptRecord
from safelight.providers.attempts.patterns import RefusalPattern, find_patterns
from support.attempts import PASSED


def many(count: int, outcome: AttemptOutcome, **changes: object) -> list[AttemptRecord]:
    """Attempts with different prompts."""
    prompt = changes.pop("prompt", PASSED.prompt)
    return [
        replace(
            PASSED,
            id=f"attempt_{outcome}_{number}",
            outcome=outcome,
            prompt=prompt and f"{prompt} {outcome} {number}",
            **changes,  # type: ignore[arg-type]
        )
        for number in range(count)
    ]


def by_value(attempts: list[AttemptRecord], kind: str) -> dict[str, RefusalPattern]:
    return {one.value: one for one in find_patterns(attempts) if one.kind == kind}


def test_a_driver_that_is_refused_more_often_is_a_likely_cause_in_both_languages() -> None:
    attempts = many(30, AttemptOutcome.PASSED)
    for prompt in ("a huge bloody battle at night", "血腥的巨大戰鬥"):
        attempts += many(15, AttemptOutcome.REFUSED, prompt=prompt)
    drivers = by_value(attempts, "driver")
    causes = [one for one in drivers.values() if one.is_likely_cause]
    assert causes
    assert all(one.others.refused < one.others.total for one in causes)
    assert find_patterns(attempts)[0].is_likely_cause


def test_few_attempts_name_no_cause_and_have_a_wide_interval() -> None:
    attempts = many(5, AttemptOutcome.REFUSED, seconds=12) + many(40, AttemptOutcome.PASSED)
    twelve = by_value(attempts, "seconds")["12"]
    assert (twelve.rate.refused, twelve.rate.total, twelve.is_likely_cause) == (5, 5, False)
    low, high = twelve.rate.interval
    assert 0.5 < low < 0.6
    assert high == 1


def test_failures_stops_and_unknown_outcomes_are_not_counted() -> None:
    others = [outcome for outcome in AttemptOutcome if outcome.value not in ("passed", "refused")]
    attempts = many(1, AttemptOutcome.PASSED) + [each for other in others for each in many(3, other)]
    assert by_value(attempts, "provider")["runway"].rate.total == 1
    assert find_patterns([]) == ()


def test_models_of_two_providers_are_apart_and_withheld_prompts_have_no_driver() -> None:
    attempts = many(2, AttemptOutcome.REFUSED) + many(3, AttemptOutcome.PASSED, provider="veo", prompt=None)
    models = by_value(attempts, "model")
    assert {name: (one.rate.refused, one.rate.total) for name, one in models.items()} == {
        "runway/gen4": (2, 2),
        "veo/gen4": (0, 3),
    }
    assert all(one.rate.total + one.others.total == 2 for one in by_value(attempts, "driver").values())


def test_tries_of_one_prompt_at_one_provider_count_once() -> None:
    refused = [replace(PASSED, id=f"{n}", outcome=AttemptOutcome.REFUSED, seconds=4 + n) for n in range(3)]
    spelled = replace(PASSED, id="3", prompt=" A lake, at DAWN.")
    elsewhere = replace(PASSED, id="4", provider="veo")
    found = by_value([*refused, spelled, elsewhere], "provider")
    rates = {name: (one.rate.refused, one.rate.total, one.rate.attempts) for name, one in found.items()}
    assert rates == {"runway": (1, 1, 4), "veo": (0, 1, 1)}
    assert by_value(many(3, AttemptOutcome.REFUSED, prompt=None), "provider")["runway"].rate.total == 3
    bloody = replace(refused[0], prompt="a huge bloody battle at night")
    tries = [replace(bloody, id=f"try_{n}") for n in range(40)]
    assert not any(one.is_likely_cause for one in find_patterns(tries + many(40, AttemptOutcome.PASSED)))
    often = [replace(PASSED, id=f"{n}") for n in range(3)] + refused[:1]
    assert by_value(often, "provider")["runway"].rate.refused == 0


def test_a_driver_is_compared_with_the_other_prompts_at_its_providers() -> None:
    attempts = many(12, AttemptOutcome.REFUSED, prompt="a huge bloody battle at night")
    elsewhere = many(40, AttemptOutcome.PASSED, provider="veo")
    found = by_value(attempts + elsewhere, "driver")
    assert found
    assert all((one.others.total, one.is_likely_cause) == (0, False) for one in found.values())


def test_drivers_are_searched_in_the_beginning_of_a_prompt_and_in_bounded_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bloody = "a huge bloody battle at night"
    late = replace(PASSED, prompt="word " * (patterns.MAX_DRIVER_CHARS // 5) + bloody)
    assert by_value([late], "driver") == {}
    monkeypatch.setattr(patterns, "MAX_ALL_DRIVER_CHARS", len(bloody))
    newest, older = (
        replace(PASSED, prompt=bloody),
        replace(PASSED, id="attempt_2", prompt=f"{bloody} {bloody}"),
    )
    found = by_value([newest, older], "driver")
    assert found
    assert {one.rate.total + one.others.total for one in found.values()} == {1}


def test_a_model_or_a_length_of_one_try_is_no_pattern() -> None:
    attempts = [replace(PASSED, model=f"m{n}", seconds=n + 1, prompt=f"lake {n}") for n in range(3)]
    assert {one.kind for one in find_patterns(attempts)} <= {"provider", "driver"}
    again = replace(attempts[0], id="attempt_2")
    assert set(by_value([*attempts, again], "model")) == {"runway/m0"}
    assert set(by_value([*attempts, again], "seconds")) == {"1"}


def test_no_word_of_a_scene_of_harm_is_named_as_a_cause() -> None:
    prompt = "A man beats his wife at night in the dark until she bleeds"
    attempts = many(30, AttemptOutcome.REFUSED, prompt=prompt) + many(30, AttemptOutcome.PASSED)
    assert by_value(attempts, "driver") == {}
    harmless = many(30, AttemptOutcome.REFUSED, prompt="A bridge at night") + many(30, AttemptOutcome.PASSED)
    assert by_value(harmless, "driver")
