"""Every sentence of the design on `starter`, by name."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from safelight.detectors.text.plugins import NGRAMS
from safelight.moderation.cross_modal_classifier import SCORE
from safelight.policy.documents import load
from safelight.policy.findings import SHIPPED
from safelight.policy.grounding import rules_below_point
from safelight.policy.inheritance import SHIPPED_NAMES
from safelight.policy.verdicts import Audience, Context
from support.rows import each_row
from support.verdicts import decided, finding_of, seen

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


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_no_shipped_rule_asks_for_less_than_the_operating_point_of_a_classifier(policy: Any) -> None:
    assert list(rules_below_point(policy.rules, LEARNED)) == []
