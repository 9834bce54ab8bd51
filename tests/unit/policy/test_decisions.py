from __future__ import annotations

from collections.abc import Callable

import msgspec

from safelight.policy.decisions import decide, required_coverage, stops_minors
from safelight.policy.documents import Policy, load
from safelight.policy.findings import (
    SHIPPED,
    Basis,
    CategorySpec,
    Cell,
    Coverage,
    Depth,
    FrameRange,
    Group,
    ImageBox,
    Modality,
    Stage,
    TimeRange,
)
from safelight.policy.verdicts import Action, Audience, Context, Verdict, WaiverTerms
from support.rows import each_row
from support.verdicts import STARTER, checked, decided, seen

ALL = WaiverTerms(id="waiver_1", name="demo", categories=("*",))


def with_gap(stage: str, category: str, modality: str, policy: Policy = STARTER, **changes: bool) -> Coverage:
    """Complete coverage, but for one cell. Without changes, no detector is installed for it."""
    changes = changes or {"available": False, "ran": False, "complete": False}
    return Coverage(
        cells=tuple(
            msgspec.structs.replace(cell, **changes)
            if (cell.category, cell.modality) == (category, modality)
            else cell
            for cell in checked(policy, stage)
        )
    )


GRAPHIC = with_gap("output", "violence/graphic", "frames")


def test_a_gap_in_required_coverage_is_held_or_blocked_if_no_finding_holds(
    written: Callable[..., Policy],
) -> None:
    verdict = decided("output", coverage=GRAPHIC)
    assert (verdict.action, verdict.category) == ("hold", "violence/graphic")
    assert (verdict.rule, verdict.matched_rules) == ("req-output", ("req-output",))
    assert [cell.category for cell in verdict.gaps] == ["violence/graphic"]
    assert "violence/graphic in frames" in verdict.reason
    assert decided("output", coverage=Coverage()).action == "hold"
    verdict = decided("prompt", seen("privacy"), coverage=Coverage())
    assert (verdict.action, verdict.rule) == ("hold", "pv-1")
    assert verdict.gaps
    extra = Cell(category="privacy", modality=Modality.TEXT, required=True)
    required_by_caller = Coverage(cells=(*checked(STARTER, "prompt").cells, extra))
    assert decided("prompt", coverage=required_by_caller).action == "hold"
    policy = written("policy: h\nextends: starter\nrequires:\n  - {id: req-output, on_gap: block}\n")
    coverage = with_gap("output", "ncii", "frames", policy)
    assert decided("output", policy=policy, coverage=coverage).action == "block"


def test_a_waiver_excuses_a_gap_that_no_detector_can_fill() -> None:
    verdict = decided("output", coverage=GRAPHIC, waivers=(ALL,))
    assert (verdict.action, verdict.waivers, verdict.gaps) == ("allow", ("demo",), ())
    assert [cell.category for cell in verdict.waived] == ["violence/graphic"]


@each_row
def test_a_waiver_never_excuses_a_check_that_failed(changes: dict[str, bool]) -> None:
    coverage = with_gap("output", "sexual", "frames", **changes)
    verdict = decided("output", coverage=coverage, waivers=(ALL,))
    assert (verdict.action, verdict.waivers) == ("hold", ())


def test_a_waiver_is_named_only_if_it_was_needed() -> None:
    verdict = decided("output", seen("extremism"), coverage=GRAPHIC, waivers=(ALL,))
    assert (verdict.action, verdict.waivers) == ("block", ())
    assert verdict.waived


def test_a_waiver_of_the_mandatory_set_does_not_cover_other_categories(
    written: Callable[..., Policy],
) -> None:
    text = (
        "policy: h\nextends: starter\nrequires:\n  - {id: x, category: hate, modality: text, stage: prompt}\n"
    )
    policy = written(text)
    coverage = with_gap("prompt", "hate", "text", policy)
    named = WaiverTerms(id="waiver_2", name="hate", categories=("hate",))
    for waiver, action in ((ALL, "hold"), (named, "allow")):
        assert decided("prompt", policy=policy, coverage=coverage, waivers=(waiver,)).action == action


def test_requirements_apply_only_to_modalities_that_are_present() -> None:
    silent = required_coverage(STARTER, SHIPPED, Stage.OUTPUT, {Modality.FRAMES})
    loud = required_coverage(STARTER, SHIPPED, Stage.OUTPUT, {Modality.FRAMES, Modality.AUDIO})
    assert {cell.modality for cell in silent} == {Modality.FRAMES}
    assert {cell.modality for cell in loud} == {Modality.FRAMES, Modality.AUDIO}
    assert all(cell.required and not cell.available for cell in loud)
    assert required_coverage(STARTER, SHIPPED, Stage.ADMISSION, set(Modality)) == ()


def test_a_mandatory_category_newer_than_the_policy_is_required_too() -> None:
    later = CategorySpec(name="new", group=Group.VIOLENCE, summary="New.", mandatory=True)
    taxonomy = SHIPPED.extended([later])
    cells = required_coverage(STARTER, taxonomy, Stage.PROMPT, {Modality.TEXT})
    assert "new" in {cell.category for cell in cells}
    context = Context(stage=Stage.PROMPT)
    fine = Coverage(
        cells=tuple(
            msgspec.structs.replace(cell, available=True, ran=True, complete=True)
            for cell in cells
            if cell.category != "new"
        )
    )
    verdict = decide(STARTER, taxonomy, findings=(), coverage=fine, context=context, subject_sha256="")
    assert (verdict.action, verdict.category) == ("hold", "new")


def test_sexual_findings_are_quarantined_if_age_was_not_checked() -> None:
    coverage = with_gap("output", "sexual/minors", "frames")
    nude = seen("sexual", 0.9, "frames", frames=9)
    words = seen("sexual", 0.9)
    quarantined = [
        decided("output", found, coverage=coverage, waivers=(ALL,)).quarantine
        for found in (nude, words, seen("extremism"))
    ]
    assert quarantined == [True, True, False]
    assert not decided("output", nude).quarantine
    assert not decided("prompt", words).quarantine
    vaulted = decided("output", nude, seen("minors-present"), coverage=Coverage())
    assert (vaulted.vault, vaulted.quarantine) == (True, False)


def test_a_nan_score_is_not_treated_as_a_low_score() -> None:
    assert decided("prompt", seen("extremism", float("nan"))).action == "block"


def test_area_frames_and_duration_are_read_from_evidence(
    written: Callable[..., Policy],
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


def test_a_verdict_is_bound_to_its_subject_and_its_policy() -> None:
    verdict = decided("prompt", audience=Audience.SENSITIVE, consents=("consent_1",))
    assert (verdict.subject_sha256, verdict.policy_sha256) == ("0" * 64, STARTER.sha256)
    assert (verdict.audience, verdict.consents) == (Audience.SENSITIVE, ("consent_1",))


def test_strict_is_never_milder_than_starter_and_creative_keeps_the_baseline() -> None:
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


def test_a_requirement_can_demand_that_a_classifier_judged_the_text(written: Callable[..., Policy]) -> None:
    policy = written(
        "policy: h\nextends: starter\nrequires:\n"
        "  - {id: own, category: hate, modality: text, stage: prompt, depth: learned}\n"
    )

    def verdict(depth: Depth) -> Verdict:
        cells = (
            msgspec.structs.replace(cell, depth=depth, note="classifier: no operating point.")
            for cell in checked(policy, "prompt")
        )
        return decided("prompt", policy=policy, coverage=Coverage(cells=tuple(cells)))

    assert verdict(Depth.LEARNED).action == "allow"
    held = verdict(Depth.LISTS)
    assert (held.action, held.rule) == ("hold", "own")
    assert [cell.category for cell in held.gaps] == ["hate"]
    assert "no operating point" in held.reason


def test_a_policy_stops_minors_only_if_a_rule_holds_or_blocks_a_clip_in_which_one_is_seen(
    written: Callable[..., Policy],
) -> None:
    rule = "policy: house\nextends: starter\nrules:\n  - {id: m, reason: r, action: %s, when: {%s}}\n"
    for action, when, stopped in (
        ("hold", "category: minors-present", True),
        ("block", "category: minors-present, modality: frames", True),
        ("label", "category: minors-present", False),
        ("block", "category: minors-present, modality: text", False),
    ):
        policy = written(rule % (action, when))
        assert stops_minors(policy, SHIPPED, Context(stage=Stage.OUTPUT)) is stopped, when
    assert not stops_minors(
        written("policy: house\nextends: starter\n"), SHIPPED, Context(stage=Stage.OUTPUT)
    )


def test_what_counts_is_what_was_checked_and_what_the_verdict_rests_on() -> None:
    symbol = seen("hate/symbols", modality="frames", score=0.71, basis=Basis.LEARNED)
    word = seen("hate/symbols", modality="frames", score=0.71)
    nudity = seen("sexual", modality="frames", score=0.3, basis=Basis.LEARNED)
    verdict, cells = decided("output", nudity), checked(STARTER, "output")
    assert verdict.counted((symbol, word, nudity), cells) == (word, nudity)
    resting = msgspec.structs.replace(verdict, findings=(symbol,))
    assert resting.counted((symbol,), cells) == (symbol,)
