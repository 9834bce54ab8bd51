from __future__ import annotations

import msgspec
import pytest

from safelight.advice.help_gate import GATED, HelpRefusal, find_refusal
from safelight.policy.coverage import Cell, Depth
from safelight.policy.findings import Basis, Finding, Modality, OperatingPoint
from safelight.policy.verdicts import Action
from support.rows import each_row

POINT = OperatingPoint(
    voice="v", language="en", length="9-20", score=0.5, false_alarm_rate=0.01, low=0, high=0.02, sample=100
)


def found(category: str, score: float = 0.9, **changes: object) -> Finding:
    given = {
        "category": category,
        "score": score,
        "modality": Modality.TEXT,
        "detector": "minilm",
        "version": "1",
        "reason": "Found.",
        "basis": Basis.MATCHED,
    }
    return Finding(**{**given, **changes})  # type: ignore[arg-type]


def cell(category: str, **changes: object) -> Cell:
    given = {
        "category": category,
        "modality": Modality.TEXT,
        "available": True,
        "ran": True,
        "complete": True,
        "depth": Depth.LEARNED,
    }
    return msgspec.convert({**given, **changes}, Cell)


def refusal(
    *findings: Finding, action: Action = Action.ALLOW, cells: tuple[Cell, ...] = ()
) -> HelpRefusal | None:
    return find_refusal(findings, cells, action=action)


@pytest.mark.parametrize("category", sorted(GATED))
def test_a_finding_of_a_gated_category_refuses_help_although_the_policy_allows(category: str) -> None:
    # On a scene of harm nothing but one sentence is said.
    harm = {"violence/graphic", "self-harm/instructions", "extremism", "illicit"}
    reason = HelpRefusal.WORDS if category in harm else HelpRefusal.FINDING
    assert refusal(found(category)) is reason
    learned = found(category, 0.55, basis=Basis.LEARNED, point=POINT)
    assert refusal(learned) is reason


@pytest.mark.parametrize("category", ["violence", "self-harm", "deception"])
def test_a_finding_of_harm_refuses_help_and_a_lesson_on_self_harm_keeps_it(category: str) -> None:
    learned = found(category, 0.55, basis=Basis.LEARNED, point=POINT)
    assert refusal(learned) is HelpRefusal.WORDS
    assert refusal(found(category, 0.45, basis=Basis.LEARNED, point=POINT)) is None
    lesson = find_refusal((learned,), (), action=Action.ALLOW, texts=["A lesson on warning signs"])
    assert lesson is (None if category == "self-harm" else HelpRefusal.WORDS)


def test_a_learned_finding_below_its_operating_point_does_not_refuse_help() -> None:
    assert refusal(found("illicit", 0.45, basis=Basis.LEARNED, point=POINT)) is None
    assert refusal(found("illicit", 0.9, basis=Basis.LEARNED)) is None


def test_a_child_in_an_ordinary_scene_gets_help_and_with_a_sexual_sign_does_not() -> None:
    child = found("minors-present")
    assert refusal(child) is None
    assert refusal(child, found("sexual", 0.35, basis=Basis.LEARNED, point=POINT)) is HelpRefusal.FINDING


@pytest.mark.parametrize("action", [Action.HOLD, Action.BLOCK])
def test_what_our_policy_does_not_allow_gets_no_help(action: Action) -> None:
    assert refusal(action=action) is HelpRefusal.POLICY


def test_an_undecided_request_gets_no_help() -> None:
    assert find_refusal((), (), action=Action.ALLOW, undecided=True) is HelpRefusal.POLICY


@each_row
def test_a_gated_category_that_was_not_checked_in_this_language_refuses_help(
    changes: dict[str, object],
) -> None:
    assert refusal(cells=(cell("sexual", **changes),)) is HelpRefusal.NOT_CHECKED
    assert refusal(cells=(cell("privacy", **changes),)) is None


def test_distress_of_the_writer_gets_no_advice_on_the_wording() -> None:
    distress = found("self-harm/intent")
    assert refusal(distress) is HelpRefusal.DISTRESS
    assert refusal(distress, found("likeness")) is HelpRefusal.DISTRESS
    assert find_refusal((distress,), (), action=Action.ALLOW, undecided=True) is HelpRefusal.DISTRESS
    assert refusal(distress, action=Action.BLOCK) is HelpRefusal.POLICY


def test_an_excluded_finding_does_not_refuse_help() -> None:
    assert refusal(found("sexual", attributes={"negated": True})) is None


def test_earlier_blocks_refuse_help() -> None:
    assert find_refusal((), (), action=Action.ALLOW, recent=HelpRefusal.TWO_BLOCKS) is HelpRefusal.TWO_BLOCKS


def test_words_that_suggest_a_dangerous_scene_have_a_reason_of_their_own() -> None:
    assert find_refusal((), (), action=Action.ALLOW, texts=["A man stabs a guard"]) is HelpRefusal.WORDS
