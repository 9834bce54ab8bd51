from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from safelight.policy.categories import SHIPPED, CategorySpec, Group
from safelight.policy.coverage import Cell, Coverage, Depth
from safelight.policy.decisions import decide, required_coverage
from safelight.policy.documents import Policy, load
from safelight.policy.findings import FrameRange, ImageBox, Modality, Stage, TimeRange
from safelight.policy.verdicts import Action, Audience, Context, Verdict, WaiverTerms

ALL = WaiverTerms(id="waiver_1", name="demo", categories=("*",))


def without(coverage: Coverage, category: str, modality: str, **changes: Any) -> Coverage:
    return Coverage(
        cells=tuple(
            msgspec.structs.replace(cell, **changes)
            if (cell.category, cell.modality) == (category, modality)
            else cell
            for cell in coverage
        )
    )


ABSENT = {"available": False, "ran": False, "complete": False}


def test_a_gap_in_required_coverage_is_held(decided: Any, starter: Policy, checked: Any) -> None:
    coverage = without(checked(starter, "output"), "violence/graphic", "frames", **ABSENT)
    verdict = decided("output", coverage=coverage)
    assert verdict.action == "hold"
    assert (verdict.category, verdict.rule, verdict.matched_rules) == (
        "violence/graphic",
        "req-output",
        ("req-output",),
    )
    assert [cell.category for cell in verdict.gaps] == ["violence/graphic"]
    assert "violence/graphic in frames" in verdict.reason


def test_empty_coverage_is_held(decided: Any) -> None:
    assert decided("prompt", coverage=Coverage()).action == "hold"
    assert decided("output", coverage=Coverage()).action == "hold"


def test_a_document_can_block_on_gaps(written: Callable[..., Policy], decided: Any, checked: Any) -> None:
    policy = written("policy: h\nextends: starter\nrequires:\n  - {id: req-output, on_gap: block}\n")
    coverage = without(checked(policy, "output"), "ncii", "frames", **ABSENT)
    assert decided("output", policy=policy, coverage=coverage).action == "block"


def test_a_waiver_excuses_a_gap_that_no_detector_can_fill(
    decided: Any, starter: Policy, checked: Any
) -> None:
    coverage = without(checked(starter, "output"), "violence/graphic", "frames", **ABSENT)
    verdict = decided("output", coverage=coverage, waivers=(ALL,))
    assert (verdict.action, verdict.waivers, verdict.gaps) == ("allow", ("demo",), ())
    assert [cell.category for cell in verdict.waived] == ["violence/graphic"]


@pytest.mark.parametrize("changes", [{"ran": False, "complete": False}, {"complete": False}])
def test_a_waiver_never_excuses_a_check_that_failed(
    decided: Any, starter: Policy, checked: Any, changes: dict[str, bool]
) -> None:
    coverage = without(checked(starter, "output"), "sexual", "frames", **changes)
    verdict = decided("output", coverage=coverage, waivers=(ALL,))
    assert (verdict.action, verdict.waivers) == ("hold", ())


def test_a_waiver_is_named_only_if_it_was_needed(
    decided: Any, seen: Any, starter: Policy, checked: Any
) -> None:
    coverage = without(checked(starter, "output"), "violence/graphic", "frames", **ABSENT)
    verdict = decided("output", seen("extremism"), coverage=coverage, waivers=(ALL,))
    assert (verdict.action, verdict.waivers) == ("block", ())
    assert verdict.waived


def test_a_waiver_of_the_mandatory_set_does_not_cover_other_categories(
    written: Callable[..., Policy], decided: Any, checked: Any
) -> None:
    text = (
        "policy: h\nextends: starter\nrequires:\n  - {id: x, category: hate, modality: text, stage: prompt}\n"
    )
    policy = written(text)
    coverage = without(checked(policy, "prompt"), "hate", "text", **ABSENT)
    assert decided("prompt", policy=policy, coverage=coverage, waivers=(ALL,)).action == "hold"
    named = WaiverTerms(id="waiver_2", name="hate", categories=("hate",))
    assert decided("prompt", policy=policy, coverage=coverage, waivers=(named,)).action == "allow"


def test_requirements_apply_only_to_modalities_that_are_present(starter: Policy) -> None:
    silent = required_coverage(starter, SHIPPED, Stage.OUTPUT, {Modality.FRAMES})
    loud = required_coverage(starter, SHIPPED, Stage.OUTPUT, {Modality.FRAMES, Modality.AUDIO})
    assert {cell.modality for cell in silent} == {Modality.FRAMES}
    assert {cell.modality for cell in loud} == {Modality.FRAMES, Modality.AUDIO}
    assert all(cell.required and not cell.available for cell in loud)
    assert required_coverage(starter, SHIPPED, Stage.ADMISSION, set(Modality)) == ()


def test_a_mandatory_category_newer_than_the_policy_is_required_too(starter: Policy) -> None:
    later = CategorySpec(name="new", group=Group.VIOLENCE, summary="New.", mandatory=True)
    taxonomy = SHIPPED.extended([later])
    cells = required_coverage(starter, taxonomy, Stage.PROMPT, {Modality.TEXT})
    assert "new" in {cell.category for cell in cells}
    context = Context(stage=Stage.PROMPT)
    fine = Coverage(
        cells=tuple(
            msgspec.structs.replace(cell, available=True, ran=True, complete=True)
            for cell in cells
            if cell.category != "new"
        )
    )
    verdict = decide(starter, taxonomy, findings=(), coverage=fine, context=context, subject_sha256="")
    assert (verdict.action, verdict.category) == ("hold", "new")


def test_a_cell_that_the_caller_requires_is_required(decided: Any, starter: Policy, checked: Any) -> None:
    extra = Cell(category="privacy", modality=Modality.TEXT, required=True)
    coverage = Coverage(cells=(*checked(starter, "prompt").cells, extra))
    assert decided("prompt", coverage=coverage).action == "hold"


def test_the_strongest_action_wins_and_every_matched_rule_is_named(decided: Any, seen: Any) -> None:
    verdict = decided("prompt", seen("likeness", public_figure=True), seen("privacy"), seen("hate"))
    assert (verdict.action, verdict.rule) == ("block", "ha-1")
    assert verdict.matched_rules == ("ha-1", "ha-2", "pv-1", "lk-5")
    assert [finding.category for finding in verdict.findings] == ["hate"]


def test_a_hold_by_a_finding_takes_precedence_over_a_hold_by_a_gap(decided: Any, seen: Any) -> None:
    verdict = decided("prompt", seen("privacy"), coverage=Coverage())
    assert (verdict.action, verdict.rule) == ("hold", "pv-1")
    assert verdict.gaps


def test_sexual_findings_are_quarantined_if_age_was_not_checked(
    decided: Any, seen: Any, starter: Policy, checked: Any
) -> None:
    coverage = without(checked(starter, "output"), "sexual/minors", "frames", **ABSENT)
    nude = seen("sexual", 0.9, "frames", frames=9)
    assert decided("output", nude, coverage=coverage, waivers=(ALL,)).quarantine
    assert decided("output", seen("sexual", 0.9, "text"), coverage=coverage, waivers=(ALL,)).quarantine
    assert not decided("output", nude).quarantine
    assert not decided("output", seen("extremism"), coverage=coverage, waivers=(ALL,)).quarantine
    assert not decided("prompt", seen("sexual", 0.9, "text")).quarantine


def test_a_vaulted_result_is_not_also_quarantined(decided: Any, seen: Any) -> None:
    verdict = decided(
        "output", seen("sexual", 0.9, "frames", frames=9), seen("minors-present"), coverage=Coverage()
    )
    assert (verdict.vault, verdict.quarantine) == (True, False)


def test_a_nan_score_is_not_treated_as_a_low_score(decided: Any, seen: Any) -> None:
    assert decided("prompt", seen("extremism", float("nan"))).action == "block"


def test_an_unknown_category_matches_only_rules_on_any_category(decided: Any, seen: Any) -> None:
    assert decided("prompt", seen("from/elsewhere", 1.0, card=True)).rule == "card-1"
    assert decided("prompt", seen("from/elsewhere", 1.0)).action == "allow"


def test_audiences_change_thresholds_and_actions(decided: Any, seen: Any) -> None:
    words = seen("sexual", 0.55)
    assert decided("prompt", words).action == "allow"
    assert decided("prompt", words, audience=Audience.MINORS).action == "block"
    fight = seen("violence", 0.85)
    assert [decided("prompt", fight, audience=audience).action for audience in Audience] == [
        "allow",
        "hold",
        "block",
    ]


def test_a_context_fact_excuses_only_if_a_rule_allows_it(decided: Any, seen: Any) -> None:
    wound = seen("violence/graphic", 0.9, "frames")
    assert decided("output", wound).action == "block"
    assert decided("output", wound, facts=frozenset({"medical"})).action == "allow"
    assert decided("output", wound, facts=frozenset({"cooking"})).action == "block"
    assert decided("prompt", seen("sexual/minors"), facts=frozenset({"medical"})).action == "block"


def test_area_frames_and_duration_are_read_from_evidence(
    written: Callable[..., Policy], decided: Any, seen: Any
) -> None:
    policy = written(
        "policy: h\nextends: starter\nrules:\n"
        "  - {id: area, action: block, when: {category: privacy, attributes: {area: {at_least: 0.2}}}}\n"
        "  - {id: span, action: block, when: {category: hate, attributes: {duration_s: {above: 1}}}}\n"
    )
    box = ImageBox(x=0, y=0, w=0.5, h=0.5)
    shown = FrameRange(first=0, last=9, start_s=0, end_s=0.4, peak=3, box=box)
    assert decided("output", seen("privacy", 0.1, "frames", evidence=(shown,)), policy=policy).rule == "area"
    small = ImageBox(x=0, y=0, w=0.1, h=0.1)
    assert (
        decided("output", seen("privacy", 0.1, "image", evidence=(small,)), policy=policy).action == "allow"
    )
    spoken = (TimeRange(start_s=0, end_s=0.8), TimeRange(start_s=2, end_s=2.8))
    assert decided("output", seen("hate", 0.1, "audio", evidence=spoken), policy=policy).rule == "span"
    nude = seen("sexual", 0.6, "frames", evidence=(shown,))
    assert decided("output", nude).rule == "sx-2"
    assert decided("output", nude).reason == "Exposed sexual nudity in 10 frames."


def test_a_verdict_is_bound_to_its_subject_and_its_policy(decided: Any, starter: Policy) -> None:
    verdict = decided("prompt", audience=Audience.SENSITIVE, consents=("consent_1",))
    assert (verdict.subject_sha256, verdict.policy_sha256) == ("0" * 64, starter.sha256)
    assert (verdict.audience, verdict.consents) == (Audience.SENSITIVE, ("consent_1",))


def test_strict_is_never_milder_than_starter_and_creative_keeps_the_baseline(decided: Any, seen: Any) -> None:
    strict, creative = load("strict", SHIPPED), load("creative", SHIPPED)
    floor = {"sexual/minors", "ncii", "likeness", "extremism", "self-harm/instructions"}
    for spec in SHIPPED:
        for score in (0.2, 0.35, 0.45, 0.55, 0.65, 0.75, 0.9):
            for where, stage in (("text", "prompt"), ("image", "reference"), ("frames", "output")):
                found = seen(spec.name, score, where, frames=5, kind="face", public_figure=True)
                usual = decided(stage, found).action
                assert decided(stage, found, policy=strict).action.severity >= usual.severity
                if spec.name in floor and usual.severity >= Action.HOLD.severity:
                    assert decided(stage, found, policy=creative).action == usual


def test_a_requirement_can_demand_that_a_classifier_judged_the_text(
    decided: Any, checked: Any, tmp_path: Path
) -> None:
    path = tmp_path / "house.yaml"
    path.write_text(
        "policy: h\nextends: starter\nrequires:\n"
        "  - {id: own, category: hate, modality: text, stage: prompt, depth: learned}\n"
    )
    policy = load(path, SHIPPED)

    def verdict(depth: Depth) -> Verdict:
        cells = (
            msgspec.structs.replace(cell, depth=depth, note="classifier: no operating point.")
            for cell in checked(policy, "prompt")
        )
        made: Verdict = decided("prompt", policy=policy, coverage=Coverage(cells=tuple(cells)))
        return made

    assert verdict(Depth.LEARNED).action == "allow"
    held = verdict(Depth.LISTS)
    assert (held.action, held.rule) == ("hold", "own")
    assert [cell.category for cell in held.gaps] == ["hate"]
    assert "no operating point" in held.reason
