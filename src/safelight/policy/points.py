"""The point of a rule: the score from which it acts; and the policy with another point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from safelight.core import canonical_json
from safelight.core.errors import Conflict, InvalidField
from safelight.core.records import Shown

from .documents import Policy, loads
from .draft import MAX_SCORE, MIN_SCORE, OWN_NAME
from .findings import Taxonomy
from .inheritance import SHIPPED_NAMES
from .rules import Rule
from .verdicts import Action


@dataclass(frozen=True, kw_only=True)
class RulePoint(Shown):
    rule: str
    action: Action
    #: The lowest score at which the rule acts.
    score: float


def find_points(policy: Policy, category: str, modality: str) -> tuple[RulePoint, ...]:
    """The points that decide about findings of this category and modality and can be moved, in the order of
    the document.
    """
    entries = _entries(policy)
    return tuple(
        RulePoint(rule=rule.id, action=rule.action, score=rule.when.at_least)
        for rule in policy.rules
        if rule.when is not None and _is_about(rule, category, modality) and _can_move(entries[rule.id])
    )


def move_point(policy: Policy, taxonomy: Taxonomy, rule: str, score: float) -> Policy:
    """The policy with another point of one rule, validated like every stored document.

    Raises `InvalidField` for a score at which the rule would be off or match everything, `Conflict` for a
    rule that is locked or has no point, and `PolicyError`.
    """
    entry = _entries(policy).get(rule)
    if entry is None or not _can_move(entry):
        raise Conflict(
            f"The policy in force has no rule {rule[:80]!r} whose point can be moved.",
            param="rule",
            remedy="Choose another rule, or add a rule of your own.",
        )
    # Also false for NaN.
    if not MIN_SCORE <= score <= min(MAX_SCORE, _below(entry)):
        raise InvalidField(
            f"The score must be {MIN_SCORE:g} to {min(MAX_SCORE, _below(entry)):g}.",
            param="score",
            remedy="Above that the rule would be off; a rule is switched off in the document.",
        )
    when = {**entry["when"], "score": {**entry["when"]["score"], "at_least": round(score, 4)}}
    moved = {**entry, "when": when}
    document = {
        **policy.document,
        "policy": OWN_NAME if policy.name in SHIPPED_NAMES else policy.name,
        "rules": [moved if one["id"] == rule else one for one in policy.document["rules"]],
    }
    return loads(canonical_json.document_text(document), taxonomy)


def _entries(policy: Policy) -> dict[str, Mapping[str, Any]]:
    return {entry["id"]: entry for entry in policy.document["rules"]}


def _can_move(entry: Mapping[str, Any]) -> bool:
    score = (entry.get("when") or {}).get("score") or {}
    return not entry.get("locked") and score.get("at_least") is not None


def _below(entry: Mapping[str, Any]) -> float:
    """The highest point at which the rule still matches something: its condition may have an upper end."""
    below = entry["when"]["score"].get("below")
    return MAX_SCORE if below is None else round(below - 0.01, 4)


def _is_about(rule: Rule, category: str, modality: str) -> bool:
    when = rule.when
    return (
        when is not None
        and not when.test_card
        and category in when.categories
        # Others only record, whatever their point.
        and (rule.action is not Action.ALLOW or rule.support or bool(rule.audiences))
        and (not when.modalities or modality in when.modalities)
    )
