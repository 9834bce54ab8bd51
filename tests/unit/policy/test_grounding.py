"""Which action a finding supports, and what a verdict makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from safelight.policy.findings import Basis, Finding, OperatingPoint
from safelight.policy.grounding import Grounding, Support


def point(score: float = 0.5, voice: str = "english", length: str = "4-8") -> OperatingPoint:
    return OperatingPoint(
        voice=voice,
        language="en",
        length=length,
        score=score,
        false_alarm_rate=0.001,
        low=0.0,
        high=0.002,
        sample=5000,
    )


@pytest.fixture
def learned(seen: Any) -> Any:
    def make(category: str, score: float = 0.95, at: float | None = 0.5, **more: Any) -> Finding:
        voice, length = more.pop("voice", "english"), more.pop("length", "4-8")
        found: Finding = seen(
            category,
            score,
            more.pop("modality", "text"),
            basis=Basis.LEARNED,
            point=None if at is None else point(at, voice, length),
            source=more.pop("source", "prompt"),
            **more,
        )
        return found

    return make


def support(*findings: Finding) -> Support:
    return Grounding(findings).support(findings[0])


@pytest.mark.parametrize("basis", [Basis.MATCHED, Basis.COMPOSED, Basis.ASKED])
def test_matches_combinations_and_answers_of_a_guard_support_a_block(seen: Any, basis: Basis) -> None:
    assert support(seen("hate", 0.3, basis=basis)) is Support.BLOCK


def test_a_score_supports_a_hold_at_its_operating_point_and_nothing_below_or_without_one(
    learned: Any,
) -> None:
    assert support(learned("hate", 0.5, at=0.5)) is Support.HOLD
    assert support(learned("hate", 0.49, at=0.5)) is Support.NONE
    assert support(learned("hate", 0.99, at=None)) is Support.NONE


def test_on_one_to_three_words_only_two_voices_that_agree_support_anything(learned: Any) -> None:
    first = learned("sexual", length="1-3")
    assert support(first) is Support.NONE
    assert support(first, learned("sexual", voice="zh-words", length="1-3")) is Support.BLOCK


def test_an_excerpt_of_one_to_three_words_holds_like_a_longer_text(learned: Any) -> None:
    assert support(learned("sexual", length="1-3", excerpt=True)) is Support.HOLD


def test_a_score_supports_nothing_if_the_text_rejects_what_was_found(learned: Any) -> None:
    first = learned("hate", rejected=True)
    assert support(first) is Support.NONE
    assert support(learned("hate", voice="zh-words"), first) is Support.HOLD


def test_two_voices_on_one_field_support_a_block(learned: Any) -> None:
    first, second = learned("hate"), learned("hate", 0.6, voice="zh-words")

    assert support(first, second) is Support.BLOCK
    assert support(second, first) is Support.BLOCK


@pytest.mark.parametrize(
    "other",
    [
        {"category": "hate", "voice": "english"},
        {"category": "harassment", "voice": "zh-words"},
        {"category": "hate", "voice": "zh-words", "source": "on_screen"},
        {"category": "hate", "voice": "zh-words", "score": 0.4},
        {"category": "hate", "voice": "zh-words", "at": None},
    ],
    ids=["same voice", "another category", "another field", "below its point", "without a point"],
)
def test_other_findings_are_no_second_voice(learned: Any, other: dict[str, Any]) -> None:
    assert support(learned("hate"), learned(**other)) is Support.HOLD


def test_the_rule_only_limits_text_and_transcripts(learned: Any, seen: Any) -> None:
    assert support(learned("sexual", at=None, modality="frames")) is Support.BLOCK
    assert support(learned("sexual", at=None, modality="image")) is Support.BLOCK
    assert support(learned("likeness", at=None, modality="audio")) is Support.BLOCK
    assert support(learned("sexual", at=None, modality="audio", speech=True)) is Support.NONE
    assert support(seen("sexual", card=True, basis=Basis.LEARNED)) is Support.BLOCK


def test_one_classifier_holds_where_the_rule_asks_for_a_block(decided: Any, learned: Any) -> None:
    verdict = decided("prompt", learned("hate", 0.95))

    assert (verdict.action, verdict.rule, verdict.learned_alone) == ("hold", "ha-1", True)


def test_two_voices_block(decided: Any, learned: Any) -> None:
    verdict = decided("prompt", learned("hate", 0.95), learned("hate", 0.9, voice="zh-words"))

    assert (verdict.action, verdict.learned_alone) == ("block", False)


def test_a_classifier_without_an_operating_point_stops_nothing(decided: Any, learned: Any) -> None:
    verdict = decided("prompt", learned("hate", 0.99, at=None), learned("self-harm/intent", 0.9, at=None))

    assert (verdict.action, verdict.support) == ("allow", False)


def test_help_lines_need_an_operating_point(decided: Any, learned: Any) -> None:
    assert decided("prompt", learned("self-harm/intent", 0.9)).support


def test_each_part_of_a_conjunction_is_grounded_by_itself(decided: Any, learned: Any, seen: Any) -> None:
    name = seen("likeness", 0.9, public_figure=True)

    meant = seen("deception", 0.8, explicit=True)
    assert decided("prompt", name, meant).action == "block"
    capped = decided("prompt", name, learned("deception", 0.8))
    assert (capped.action, capped.rule, capped.learned_alone) == ("hold", "lk-8", True)
    assert decided("prompt", name, learned("deception", 0.8, at=None)).rule == "lk-5"


def test_the_strongest_evidence_names_the_category(decided: Any, learned: Any, seen: Any) -> None:
    found = [seen("extremism", 0.7), seen("hate", 0.95), learned("sexual", 0.99)]

    for order in (found, found[::-1]):
        verdict = decided("prompt", *order)
        assert (verdict.action, verdict.category) == ("block", "hate")


def test_with_equal_evidence_a_discreet_category_is_not_named(decided: Any, seen: Any) -> None:
    verdict = decided("prompt", seen("extremism", 0.9), seen("hate", 0.9))

    assert verdict.category == "hate"


def test_findings_without_support_are_no_evidence(decided: Any, learned: Any, seen: Any) -> None:
    listed = seen("hate", 0.8)
    verdict = decided("prompt", learned("hate", 0.99, at=None), learned("hate", 0.9), listed)

    assert verdict.findings == (listed,)
