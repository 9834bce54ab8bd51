"""Every sentence of the design on `starter`, by name."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from safelight.detectors.text.plugins import NGRAMS
from safelight.policy.documents import load
from safelight.policy.findings import SHIPPED
from safelight.policy.grounding import rules_below_point
from safelight.policy.inheritance import SHIPPED_NAMES
from safelight.policy.reference_cases import load_cases
from safelight.policy.verdicts import Audience, Context
from safelight.screening.cross_modal_classifier import SCORE
from support.rows import each_row
from support.verdicts import decided, finding_of, learned, seen

#: The lowest operating point that a bundled classifier may have in a category that it reports.
LEARNED = {capability.category: 0.5 for capability in NGRAMS.capabilities} | {"self-harm/intent": 0.4}
POLICIES = {name: load(name, SHIPPED) for name in SHIPPED_NAMES}


@each_row
def test_a_verdict_on_findings(
    what: str, policy: str, context: Context, findings: list[dict[str, Any]], expects: dict[str, Any]
) -> None:
    given = msgspec.structs.asdict(context)
    verdict = decided(given.pop("stage"), *map(finding_of, findings), policy=POLICIES[policy], **given)
    told = msgspec.structs.asdict(verdict) | {
        "matched_rules": list(verdict.matched_rules),
        "found": [one.category for one in verdict.findings],
        "scores": [one.score for one in verdict.findings],
        "test_card_only": verdict.test_card_only,
    }
    assert {name: told[name] for name in expects} == expects


def test_the_rows_have_the_score_of_the_cross_modal_classifier() -> None:
    assert SCORE == 0.45


@pytest.mark.parametrize("name", POLICIES)
def test_the_test_card_of_every_category_is_blocked_and_not_vaulted(name: str) -> None:
    for category in (spec.name for spec in SHIPPED):
        for where in ("text", "image", "frames", "audio"):
            verdict = decided("output", seen(category, 1.0, where, card=True), policy=POLICIES[name])
            assert (verdict.action, verdict.rule, verdict.category) == ("block", "card-1", category)
            assert (verdict.test_card_only, verdict.vault, verdict.quarantine) == (True, False, False)


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_themes_for_adults_leave_no_trace_in_the_verdict_of_an_adult(policy: Any) -> None:
    for category in ("sexual", "violence", "illicit", "self-harm"):
        themes = seen(category, 0.25, kind="mature"), seen("minors-present")
        for audience in (Audience.GENERAL, Audience.SENSITIVE):
            verdict = decided("prompt", *themes, policy=policy, audience=audience)
            assert verdict == decided("prompt", policy=policy, audience=audience), category


ACTS = sorted({case.findings[0].category for case in load_cases() if case.id.startswith("acts-")})


@pytest.mark.parametrize("category", ACTS)
def test_an_act_of_harm_is_blocked_or_held_at_the_two_lines(category: str) -> None:
    for score, expected in ((0.95, "block"), (0.8, "block"), (0.79, "hold"), (0.5, "hold"), (0.49, "allow")):
        assert decided("prompt", seen(category, score)).action == expected
    assert decided("prompt", seen(category, negated=True)).action == "allow"
    assert decided("prompt", seen(category, cross_modal=True)).action == "allow"
    one = learned(category, 0.9, voice="english")
    assert decided("prompt", one).action == "hold"
    assert decided("prompt", one, learned(category, 0.9, voice="acts")).action == "block"


@pytest.mark.parametrize(
    ("fact", "category", "expected"),
    [
        ("news", "violence/mass-attack", "allow"),
        ("news", "self-harm/act", "block"),
        ("medical", "self-harm/act", "allow"),
        ("history", "hate/dehumanisation", "block"),
        ("education", "deception/scam", "block"),
        ("art", "sexual/real-person", "block"),
    ],
)
def test_a_fact_of_the_operator_sets_some_rules_of_acts_aside(
    fact: str, category: str, expected: str
) -> None:
    found = seen(category, 0.9)
    assert decided("prompt", found, facts=frozenset({fact})).action == expected


def test_a_sexualised_real_person_with_a_sign_of_a_minor_is_sexual_content_with_a_minor() -> None:
    child = seen("minors-present", 0.9)
    verdict = decided("prompt", seen("sexual/real-person", 0.9), child)
    assert (verdict.action, verdict.category, verdict.vault) == ("block", "sexual/minors", True)
    alone = decided("prompt", learned("sexual/real-person", 0.9), child)
    assert (alone.action, alone.vault, "sm-4" in alone.matched_rules) == ("hold", False, True)


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_no_shipped_rule_asks_for_less_than_the_operating_point_of_a_classifier(policy: Any) -> None:
    assert list(rules_below_point(policy.rules, LEARNED)) == []
