"""Rollout steps: contradictions of documents, and evidence that never counts when it is not measured."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.core.errors import SettingsError
from safelight.policy.findings import SHIPPED
from safelight.policy.gates import (
    Evidence,
    GateStep,
    load_gates,
    missing,
    must_lower,
    read_gates,
)

CATEGORIES = [spec.name for spec in SHIPPED]
DOCUMENT = load_gates(None, CATEGORIES)
TEXT = files("safelight.policy").joinpath("gates.yaml").read_text()
COMPLETE = Evidence(
    unchecked=0,
    waived=(),
    evaluation_days=1.0,
    reviewers=3,
    capacity=180,
    days_without_incident=40.0,
    delivered=400,
    reviewed_share=1.0,
    late_share=0.0,
    overturn_rate=0.05,
    missed_harm=(0.0, 0.005),
)
RISES = [step for step in GateStep if step is not GateStep.CLOSED]
NAMES = [name for name in COMPLETE.__dataclass_fields__ if name != "waived"]


@pytest.mark.parametrize("step", RISES)
def test_complete_evidence_lacks_nothing_and_no_evidence_lacks_everything(step: GateStep) -> None:
    assert missing(step, COMPLETE, DOCUMENT) == ()
    lacks = missing(step, Evidence(), DOCUMENT)
    assert {one.requirement for one in lacks} >= set(DOCUMENT.steps[step].requirements)
    assert all("not measured" in one.sentence("en") for one in lacks)


@given(st.sampled_from(RISES), st.sets(st.sampled_from(NAMES)))
def test_what_is_not_measured_never_makes_up_for_a_requirement(step: GateStep, unknown: set[str]) -> None:
    evidence = replace(COMPLETE, **dict.fromkeys(unknown))
    lacking = {one.requirement.partition("_")[2] for one in missing(step, evidence, DOCUMENT)}
    asked = {name.partition("_")[2] for name in DOCUMENT.steps[step].requirements}
    assert lacking >= asked & unknown


@given(st.sets(st.sampled_from(NAMES)))
def test_a_later_step_lacks_what_an_earlier_one_lacks(unknown: set[str]) -> None:
    evidence = replace(COMPLETE, waived=("sexual",), **dict.fromkeys(unknown))
    lacks = [
        {one.requirement for one in missing(step, evidence, DOCUMENT)} - {"min_capacity"} for step in RISES
    ]
    assert lacks[0] <= lacks[1] <= lacks[2]


@pytest.mark.parametrize(
    ("change", "lacks"),
    [
        ({"unchecked": 1}, "max_unchecked"),
        ({"evaluation_days": 91.0}, "max_evaluation_days"),
        ({"days_without_incident": 29.9}, "min_days_without_incident"),
        ({"reviewed_share": 0.99}, "min_reviewed_share"),
        ({"overturn_rate": 0.11}, "max_overturn_rate"),
        # The upper end of the interval counts on the way up.
        ({"missed_harm": (0.0, 0.011)}, "max_missed_harm"),
    ],
)
def test_each_requirement_counts(change: dict[str, Any], lacks: str) -> None:
    (found,) = missing(GateStep.GENERAL, replace(COMPLETE, **change), DOCUMENT)
    assert found.requirement == lacks


@pytest.mark.parametrize(
    ("step", "waived", "lacks"),
    [
        (GateStep.PILOT, (), True),
        (GateStep.LIMITED, ("sexual",), True),
        (GateStep.LIMITED, None, True),
        (GateStep.LIMITED, (), False),
        (GateStep.GENERAL, ("sexual",), False),
    ],
)
def test_capacity_is_asked_for_where_a_person_reviews_before_delivery(
    step: GateStep, waived: tuple[str, ...] | None, lacks: bool
) -> None:
    evidence = replace(COMPLETE, waived=waived, capacity=10)
    assert [one.requirement for one in missing(step, evidence, DOCUMENT)] == ["min_capacity"] * lacks


def test_measurements_lower_a_step_and_missing_ones_do_not() -> None:
    assert must_lower(GateStep.GENERAL, COMPLETE, DOCUMENT) == ()
    assert must_lower(GateStep.GENERAL, Evidence(), DOCUMENT) == ()
    bad = replace(COMPLETE, overturn_rate=0.31)
    assert [one.requirement for one in must_lower(GateStep.PILOT, bad, DOCUMENT)] == ["max_overturn_rate"]
    assert must_lower(GateStep.CLOSED, bad, DOCUMENT) == ()
    # The lower end of the interval counts on the way down: a small sample lowers nothing.
    assert must_lower(GateStep.GENERAL, replace(COMPLETE, missed_harm=(0.019, 0.3)), DOCUMENT) == ()
    assert must_lower(GateStep.GENERAL, replace(COMPLETE, missed_harm=(0.021, 0.3)), DOCUMENT)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "    min_days_without_incident: 30\n",
            "    min_days_without_incident: 13\n",
            "asks for less than limited",
        ),
        ("    max_late_share: 0.05\n", "", "asks for less than limited"),
        ("    max_late_share: 0.05\n", "    max_late_share: 1.5\n", "between 0 and 1"),
        ("    max_overturn_rate: 0.1\n", "    max_overturn_rate: 0.4\n", "lowered at once"),
        ("    videos_per_day: 50\n", "", "videos_per_day is missing"),
        ("    min_reviewers: 2\n", "    min_reviewers: 1.5\n", "whole number"),
        ("    min_reviewers: 2\n", "    min_reviewers: -1\n", "whole number"),
        ("    min_reviewers: 2\n", "    min_reviewer: 2\n", "unknown"),
        ("  general:\n", "  everyone:\n", "unknown"),
        ("window_days: 30\n", "", "missing"),
        ("extremism, ", "extremist, ", "unknown"),
        ("window_days: 30\n", "window_days: 0\n", "whole number"),
    ],
)
def test_a_contradicting_document_is_refused(old: str, new: str, problem: str) -> None:
    assert TEXT.count(old) == 1
    with pytest.raises(SettingsError, match=problem):
        read_gates(TEXT.replace(old, new).encode(), "gates.yaml", CATEGORIES)


def test_a_document_that_cannot_be_read_is_refused(tmp_path: Any) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_gates(tmp_path / "none.yaml", CATEGORIES)
    with pytest.raises(SettingsError, match="mapping"):
        read_gates(b"- a\n", "gates.yaml", CATEGORIES)


def test_steps_have_an_order() -> None:
    assert [step.following for step in GateStep] == [*RISES, None]
    assert [step.preceding for step in GateStep] == [None, *list(GateStep)[:-1]]
    assert [step.reviews(waived=False) for step in GateStep] == [False, True, False, False]
    assert [step.reviews(waived=True) for step in GateStep] == [False, True, True, False]
