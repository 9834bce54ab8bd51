"""A draft differs from the policy in force in one rule, and locked rules have none."""

from __future__ import annotations

from pathlib import Path

import pytest

from safelight.core.errors import Conflict
from safelight.policy.diff import diff
from safelight.policy.documents import Policy, load
from safelight.policy.draft import DraftDirection, write_draft
from safelight.policy.findings import SHIPPED
from safelight.policy.inheritance import SHIPPED_NAMES
from support.rows import each_row

SHIPPED_POLICIES = [load(name, SHIPPED) for name in SHIPPED_NAMES]
STARTER = SHIPPED_POLICIES[0]
HOUSE = """
policy: house
version: "7"
extends: starter
thresholds: {vi-3: 0.65}
rules:
  - {id: ip-2, action: block}
  - id: own-1
    reason: The word of the house.
    when: {category: ip/brand, score: 0.4}
    action: hold
"""


def compile_text(text: str, folder: Path) -> Policy:
    path = folder / "draft.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path, SHIPPED)


@pytest.fixture
def house(tmp_path: Path) -> Policy:
    return compile_text(HOUSE, tmp_path)


def test_the_draft_of_a_rule_changes_this_rule_and_nothing_else(house: Policy, tmp_path: Path) -> None:
    # Every eighth rule: compiling a policy takes a fifth of a second.
    written = 0
    for current, direction in ((STARTER, DraftDirection.MILDER), (house, DraftDirection.STRICTER)):
        for rule in current.document["rules"][::8]:
            try:
                text = write_draft(current, SHIPPED_POLICIES, rule["id"], direction)
            except Conflict:
                continue
            found = diff(current, compile_text(text, tmp_path))
            assert [change.id for change in found.rules] == [rule["id"]]
            assert not found.requirements
            assert not found.reordered
            assert found.templates is None
            assert not rule.get("locked")
            written += 1
    assert written > 6


def test_a_step_is_a_tenth_of_the_score_or_one_action(house: Policy, tmp_path: Path) -> None:
    def changes(rule: str, direction: DraftDirection) -> list[tuple[str, object, object]]:
        text = write_draft(house, SHIPPED_POLICIES, rule, direction)
        (change,) = diff(house, compile_text(text, tmp_path)).rules
        return [(one.field, one.old, one.new) for one in change.fields]

    assert changes("vi-3", DraftDirection.MILDER) == [("when.score.at_least", 0.65, 0.75)]
    assert changes("own-1", DraftDirection.STRICTER) == [("when.score.at_least", 0.4, 0.3)]


def test_a_locked_and_an_unknown_rule_have_no_draft() -> None:
    locked = next(rule["id"] for rule in STARTER.document["rules"] if rule.get("locked"))
    for rule in (locked, "no-such-rule"):
        with pytest.raises(Conflict):
            write_draft(STARTER, SHIPPED_POLICIES, rule, DraftDirection.MILDER)


@each_row
def test_a_threshold_at_the_limit_has_no_draft_in_the_other_direction(
    score: float, direction: DraftDirection, tmp_path: Path
) -> None:
    current = compile_text(HOUSE.replace("score: 0.4", f"score: {score}"), tmp_path)
    with pytest.raises(Conflict, match="no rule 'own-1' that can be changed"):
        write_draft(current, SHIPPED_POLICIES, "own-1", direction)
