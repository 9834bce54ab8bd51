from __future__ import annotations

from typing import Any

import pytest

from safelight.advice.help_gate import GATED, HelpRefusal, find_refusal
from safelight.policy.findings import Cell, Depth, Finding
from safelight.policy.verdicts import Action
from support.rows import each_row
from support.verdicts import checked_cell, learned, seen


def refusal(
    *findings: Finding, action: Action = Action.ALLOW, cells: tuple[Cell, ...] = (), **more: Any
) -> HelpRefusal | None:
    return find_refusal(findings, cells, action=action, **more)


@pytest.mark.parametrize("category", sorted(GATED))
def test_a_finding_of_a_gated_category_refuses_help_although_the_policy_allows(category: str) -> None:
    # On a scene of harm nothing but one sentence is said.
    harm = {"violence/graphic", "self-harm/instructions", "extremism", "illicit"}
    reason = HelpRefusal.WORDS if category in harm else HelpRefusal.FINDING
    assert refusal(seen(category)) is refusal(learned(category, 0.55)) is reason


@pytest.mark.parametrize("category", ["violence", "self-harm", "deception"])
def test_a_finding_of_harm_refuses_help_and_a_lesson_on_self_harm_keeps_it(category: str) -> None:
    assert refusal(learned(category, 0.55)) is HelpRefusal.WORDS
    assert refusal(learned(category, 0.45)) is None
    lesson = refusal(learned(category, 0.55), texts=["A lesson on warning signs"])
    assert lesson is (None if category == "self-harm" else HelpRefusal.WORDS)


def test_a_learned_finding_below_its_operating_point_does_not_refuse_help() -> None:
    assert refusal(learned("illicit", 0.45)) is refusal(learned("illicit", at=None)) is None


def test_a_child_in_an_ordinary_scene_gets_help_and_with_a_sexual_sign_does_not() -> None:
    child = seen("minors-present")
    assert refusal(child) is None
    assert refusal(child, learned("sexual", 0.35)) is HelpRefusal.FINDING


@pytest.mark.parametrize("action", [Action.HOLD, Action.BLOCK])
def test_what_our_policy_does_not_allow_gets_no_help(action: Action) -> None:
    assert refusal(action=action) is HelpRefusal.POLICY


def test_an_undecided_request_gets_no_help() -> None:
    assert refusal(undecided=True) is HelpRefusal.POLICY


@each_row
def test_a_gated_category_that_was_not_checked_in_this_language_refuses_help(
    changes: dict[str, Any],
) -> None:
    changes["depth"] = Depth(changes.get("depth", "learned"))
    assert refusal(cells=(checked_cell("sexual", **changes),)) is HelpRefusal.NOT_CHECKED
    assert refusal(cells=(checked_cell("privacy", **changes),)) is None


def test_distress_of_the_writer_gets_no_advice_on_the_wording() -> None:
    distress = seen("self-harm/intent")
    assert refusal(distress) is HelpRefusal.DISTRESS
    assert refusal(distress, seen("likeness")) is HelpRefusal.DISTRESS
    assert refusal(distress, undecided=True) is HelpRefusal.DISTRESS
    assert refusal(distress, action=Action.BLOCK) is HelpRefusal.POLICY


def test_an_excluded_finding_does_not_refuse_help() -> None:
    assert refusal(seen("sexual", negated=True)) is None


def test_earlier_blocks_refuse_help() -> None:
    assert refusal(recent=HelpRefusal.TWO_BLOCKS) is HelpRefusal.TWO_BLOCKS


def test_words_that_suggest_a_dangerous_scene_have_a_reason_of_their_own() -> None:
    assert refusal(texts=["A man stabs a guard"]) is HelpRefusal.WORDS
