"""Moving the point of a rule: what may be moved, how far, and what a comparison then counts."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.core.errors import Conflict, InvalidField, PolicyError
from safelight.policy.diff import diff
from safelight.policy.documents import load
from safelight.policy.findings import (
    SHIPPED,
    Basis,
    CategorySpec,
    Coverage,
    Group,
    Modality,
    Stage,
    pack,
    pack_coverage,
)
from safelight.policy.inheritance import SHIPPED_NAMES
from safelight.policy.points import find_points, move_point
from safelight.policy.replay import ReplayRecord, compare, replay
from safelight.policy.verdicts import Action
from support.verdicts import STARTER, checked_cell, seen

COVERED = pack_coverage(Coverage(cells=tuple(checked_cell(spec.name) for spec in SHIPPED)))


def record(score: float, *, category: str = "sexual", name: str = "video_1") -> ReplayRecord:
    finding = msgspec.structs.replace(seen(category, score), basis=Basis.MATCHED)
    return ReplayRecord(id=name, stage=Stage.PROMPT, findings=pack((finding,)), coverage=COVERED)


def test_points_of_a_cell_are_those_of_its_rules_that_can_be_moved() -> None:
    found = {one.rule: one.score for one in find_points(STARTER, "sexual", Modality.TEXT)}
    assert "sx-1" in found
    assert not {name for name in found if name.startswith(("sm-", "kh-"))}
    assert find_points(STARTER, "no-such-category", Modality.TEXT) == ()


@pytest.mark.parametrize("name", SHIPPED_NAMES)
def test_moving_a_point_changes_one_field_of_one_rule(name: str) -> None:
    policy = load(name, SHIPPED)
    cells = [(spec.name, modality) for spec in SHIPPED for modality in Modality]
    rules = {point.rule for cell in cells for point in find_points(policy, *cell)}
    assert len(rules) > 20
    # Each move validates the whole document, so a few rules stand for all.
    for rule in sorted(rules)[::9]:
        changes = diff(policy, move_point(policy, SHIPPED, rule, 0.33))
        assert [change.id for change in changes.rules] == [rule]
        assert [field.field for field in changes.rules[0].fields] == ["when.score.at_least"]
        assert not changes.requirements


def test_a_moved_policy_has_a_name_of_its_own_and_can_be_moved_again() -> None:
    once = move_point(STARTER, SHIPPED, "sx-1", 0.7)
    assert once.name == "house"
    again = move_point(once, SHIPPED, "sx-1", 0.8)
    assert (
        again.name,
        [one.score for one in find_points(again, "sexual", "text") if one.rule == "sx-1"],
    ) == (
        "house",
        [0.8],
    )


@pytest.mark.parametrize("rule", ["sm-1", "kh-1", "no-such-rule", ""])
def test_a_locked_or_unknown_rule_is_refused(rule: str) -> None:
    with pytest.raises(Conflict):
        move_point(STARTER, SHIPPED, rule, 0.5)


@pytest.mark.parametrize("score", [0.0, 0.09, 0.96, 1.0, 2.0, -1.0, math.nan, math.inf])
def test_a_point_at_which_a_rule_is_off_or_matches_everything_is_refused(score: float) -> None:
    with pytest.raises(InvalidField):
        move_point(STARTER, SHIPPED, "sx-1", score)


def test_a_comparison_counts_from_allow_to_stop_and_back_by_category() -> None:
    history = [record(0.4, name="video_1"), record(0.65, name="video_2"), record(0.99, name="video_3")]
    milder = move_point(STARTER, SHIPPED, "sx-1", 0.95)
    found = compare(STARTER, milder, SHIPPED, history)
    back = compare(milder, STARTER, SHIPPED, history)
    assert found.videos == back.videos == 3
    assert {one.category for one in found.changed} == {"sexual"}
    assert [(one.id, one.before, one.after) for one in back.changed] == [
        (one.id, one.after, one.before) for one in found.changed
    ]
    assert found.changed[0].before is Action.BLOCK


def test_unreadable_records_are_counted_and_never_compared() -> None:
    broken = msgspec.structs.replace(record(0.99), findings=b"\xc1")
    found = compare(STARTER, move_point(STARTER, SHIPPED, "sx-1", 0.9), SHIPPED, [broken])
    assert (found.videos, found.unreadable, found.changed) == (0, 1, ())


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 4)), max_size=20))
def test_a_comparison_agrees_with_two_replays(made: list[tuple[float, int]]) -> None:
    history = [
        record(score, name=f"video_{number}") for score, number in sorted(made, key=lambda one: one[1])
    ]
    found = compare(STARTER, MILDER, SHIPPED, history)
    before, after = (replay(policy, SHIPPED, history) for policy in (STARTER, MILDER))
    assert found.videos == before.videos == after.videos

    def stopped(report: object) -> int:
        return sum(n for step, n in report.transitions.items() if step.after in {"hold", "block"})  # type: ignore[attr-defined]

    loosened = sum(one.before is Action.BLOCK and one.after is not Action.HOLD for one in found.changed)
    assert stopped(before) - stopped(after) == loosened


MILDER = move_point(STARTER, SHIPPED, "sx-1", 0.9)


def test_a_point_is_refused_while_a_mandatory_category_has_no_rule() -> None:
    """As for every document that is published."""
    spec = CategorySpec(name="own/category", group=Group.HATE, summary="Own.", mandatory=True)
    with pytest.raises(PolicyError) as refused:
        move_point(STARTER, SHIPPED.extended([spec]), "sx-1", 0.7)
    assert "own/category" in str(refused.value.problems)
