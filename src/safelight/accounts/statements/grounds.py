"""The reasons of statements, limited to what the person concerned may know."""

from __future__ import annotations

from safelight.policy.explanations import ExplanationLevel, can_name, explain
from safelight.policy.findings import Taxonomy
from safelight.policy.verdicts import Verdict

from .models import DecisionGround, GroundBasis

#: The reason of a decision that has no other reason than its kind and its source.
NO_GROUND = DecisionGround(basis=GroundBasis.NONE)


def ground_of_verdict(verdict: Verdict, taxonomy: Taxonomy, *, clause: str | None = None) -> DecisionGround:
    """The reason of a verdict. `clause`: the rule that a reviewer named instead of the deciding rule."""
    if verdict.vault:
        return DecisionGround(basis=GroundBasis.WITHHELD)
    if verdict.is_decided_by_gaps:
        return DecisionGround(basis=GroundBasis.GAP, policy=verdict.policy, rule=verdict.rule)
    if verdict.test_card_only:
        return DecisionGround(basis=GroundBasis.TEST_CARD, policy=verdict.policy, rule=verdict.rule)
    if not can_name(verdict.category, learned=verdict.learned_alone):
        return DecisionGround(basis=GroundBasis.UNNAMED, policy=verdict.policy)
    known = explain(verdict, taxonomy, level=ExplanationLevel.DEVELOPER)
    return DecisionGround(
        basis=GroundBasis.CATEGORY,
        group=known.group,
        category=known.categories[0] if known.rule and known.categories else "",
        policy=verdict.policy,
        rule=(clause or known.rule) if known.rule else "",
        reason=known.reason,
    )


def ground_of_category(
    category: str, taxonomy: Taxonomy, *, clause: str = "", reason: str = "", facts: str = ""
) -> DecisionGround:
    """The reason of a decision that names a category of the policy. `facts`: the words of a person."""
    if category not in taxonomy:
        return NO_GROUND
    spec = taxonomy[category]
    shown = not spec.hide_details
    return DecisionGround(
        basis=GroundBasis.CATEGORY,
        group=spec.group.value,
        category=category if shown else "",
        rule=clause if shown else "",
        reason=reason,
        facts=facts,
    )
