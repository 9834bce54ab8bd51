"""The section `steer` of a policy: what is asked of a generator, and what counts as a gap."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
import yaml

from safelight.core.errors import PolicyError
from safelight.policy.decisions import decide
from safelight.policy.diff import diff
from safelight.policy.documents import Policy, load, loads
from safelight.policy.findings import SHIPPED, Coverage, Finding, Modality, Stage
from safelight.policy.steering import SteeringMethod, plan_steering, steering_gaps
from safelight.policy.verdicts import Action, Context, Verdict


def policy(tmp_path: Path, steer: str) -> Policy:
    file = tmp_path / "house.yaml"
    file.write_text(f"policy: house\nextends: starter\nsteer:\n{steer}", encoding="utf-8")
    return load(file, SHIPPED)


def finding(category: str = "violence", score: float = 0.6, **more: object) -> Finding:
    given = {"modality": Modality.TEXT, "detector": "d", "version": "1", "reason": "r", **more}
    return msgspec.convert({"category": category, "score": score, **given}, Finding, strict=False)


def test_a_finding_switches_steering_on_and_a_prompt_without_one_is_left_alone(tmp_path: Path) -> None:
    entries = policy(
        tmp_path, "  - {id: v, category: violence, away_from: violence/graphic, required: true}\n"
    ).steering
    asked = plan_steering(entries, [finding()])
    assert asked is not None
    assert asked.as_field() == {
        "categories": ["violence/graphic"],
        "methods": ["embedding", "anchor"],
        "required": ["embedding"],
        "watch": True,
    }
    assert plan_steering(entries, []) is None
    for left_out in (
        finding("hate"),
        finding(score=0.2),
        finding(attributes={"rejected": True}),
        finding(test_card=True),
    ):
        assert plan_steering(entries, [left_out]) is None


def test_always_steers_every_prompt_and_any_the_found_category(tmp_path: Path) -> None:
    entries = policy(
        tmp_path,
        "  - {id: a, always: true, away_from: likeness, methods: negative}\n"
        "  - {id: b, category: any, score: 0.5, methods: [watching]}\n",
    ).steering
    calm = plan_steering(entries, [])
    assert calm is not None
    assert (calm.categories, calm.methods) == (("likeness",), (SteeringMethod.NEGATIVE,))
    found = plan_steering(entries, [finding("hate")])
    assert found is not None
    # Only watched, so the generator is not steered away from what was found.
    assert (found.about, found.categories) == (("hate", "likeness"), ("likeness",))
    assert found.as_field()["watch"] is True


def test_a_drawn_style_is_asked_for_only_where_the_policy_says(tmp_path: Path) -> None:
    entries = policy(
        tmp_path,
        "  - {id: g, category: violence}\n"
        "  - {id: m, category: minors-present, methods: style, required: true}\n",
    ).steering
    about_violence = plan_steering(entries, [finding()])
    assert about_violence is not None
    assert SteeringMethod.STYLE not in about_violence.methods
    with_a_minor = plan_steering(entries, [finding("minors-present")])
    assert with_a_minor is not None
    assert with_a_minor.as_field()["required"] == ["style"]


def test_findings_become_concepts_without_words_of_the_operator_and_these_win(tmp_path: Path) -> None:
    entries = policy(tmp_path, "  - {id: any, category: any}\n").steering
    asked = plan_steering(
        entries, [finding("sexual/real-person"), finding("violence/assault"), finding("hate")]
    )
    assert asked is not None
    # There is no concept for hate: it is sent as it is, and the generator says that it does not know it.
    assert asked.categories == ("hate", "likeness", "sexual", "violence/graphic")
    own = policy(tmp_path, "  - {id: any, category: any, away_from: likeness}\n").steering
    asked = plan_steering(own, [finding("violence/assault")])
    assert asked is not None
    assert asked.categories == ("likeness",)


def test_each_target_has_a_concept_and_each_row_is_a_category() -> None:
    root = Path(__file__).parents[3]
    concepts = json.loads((root / "packages/steer/src/safelight_steer/concepts.json").read_text())
    rows = yaml.safe_load((root / "src/safelight/policy/steering_targets.yaml").read_text())
    assert {target for targets in rows.values() for target in targets} <= concepts.keys()
    known = {category.name for category in SHIPPED}
    assert known >= rows.keys()
    assert not rows.keys() & concepts.keys()


def test_a_won_appeal_against_the_watcher_switches_it_off(tmp_path: Path) -> None:
    entries = policy(tmp_path, "  - {id: v, category: violence}\n").steering
    watcher = finding(attributes={"kind": "watcher"})
    asked = plan_steering(entries, [finding(score=0.7)], overturned=[watcher])
    assert asked is not None
    assert SteeringMethod.WATCHING not in asked.methods


def test_later_documents_change_and_disable_entries_and_the_stored_form_is_the_same(tmp_path: Path) -> None:
    base = policy(tmp_path, "  - {id: v, category: violence}\n  - {id: h, category: hate}\n")
    own = tmp_path / "own.yaml"
    own.write_text(
        "policy: own\nextends: house.yaml\nsteer: [{id: v, required: true}, {id: h, disabled: true}]\n",
        encoding="utf-8",
    )
    made = load(own, SHIPPED)
    assert [entry.id for entry in made.steering] == ["v"]
    assert made.steering[0].required == {SteeringMethod.EMBEDDING}
    assert loads(made.canonical, SHIPPED).sha256 == made.sha256
    changes = {(change.kind, change.id) for change in diff(base, made).steering}
    assert changes == {("changed", "v"), ("removed", "h")}
    assert any("steering entry h" in line for line in diff(base, made).lines())


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("{id: x, required: true}", "no condition"),
        ("{id: x, always: true}", "needs `away_from`"),
        ("{id: x, category: violence, methods: [anchor]}", "only together with `embedding`"),
        ("{id: x, category: violence, methods: [magic]}", "magic"),
        ("{id: x, category: nonsense}", "nonsense"),
        ("{id: x, disabled: true}", "There is no steering entry"),
        ("{category: violence}", "no id"),
        ("{id: x, category: violence, strength: 3}", "strength"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, entry: str, problem: str) -> None:
    with pytest.raises(PolicyError) as raised:
        policy(tmp_path, f"  - {entry}\n")
    assert any(problem in f"{one.message} {one.remedy}" for one in raised.value.problems)


def test_what_was_asked_and_not_done_holds_only_where_it_is_required(tmp_path: Path) -> None:
    for required, action in (("true", Action.HOLD), ("false", Action.ALLOW)):
        made = policy(tmp_path, f"  - {{id: v, category: violence, required: {required}}}\n")
        asked = plan_steering(made.steering, [finding()])
        assert asked is not None
        cells = steering_gaps(asked, (), (), "The generator did not steer.")
        verdict = decide(
            made,
            SHIPPED,
            findings=[],
            coverage=Coverage(cells=cells),
            context=Context(stage=Stage.GENERATION),
            subject_sha256="0" * 64,
        )
        assert verdict.action is action
        assert cells[0].note == "The generator did not steer."
    # Another method is no gap of the required one, and an anchor that was not needed is none at all.
    applied = ("embedding", "watching")
    assert steering_gaps(asked, applied, (), "") == ()


def test_a_category_without_a_concept_is_a_gap(tmp_path: Path) -> None:
    made = policy(tmp_path, "  - {id: v, category: [violence, hate], required: true}\n")
    asked = plan_steering(made.steering, [finding(), finding("hate")])
    assert asked is not None
    (cell,) = steering_gaps(asked, list(asked.methods), ("hate",), "")
    assert (cell.category, cell.is_gap) == ("hate", True)


def test_a_watcher_blocks_whatever_the_document_says(tmp_path: Path) -> None:
    made = policy(tmp_path, "  - {id: v, category: violence}\n")
    stopped = finding(
        "",
        0.9,
        modality=Modality.FRAMES,
        attributes={"kind": "watcher"},
        reason="It stopped in step 3 of 40.",
    )

    def verdict_at(stage: Stage) -> Verdict:
        return decide(
            made,
            SHIPPED,
            findings=[stopped],
            coverage=Coverage(),
            context=Context(stage=stage),
            subject_sha256="0" * 64,
        )

    verdict = verdict_at(Stage.GENERATION)
    assert (verdict.action, verdict.rule, verdict.findings) == (Action.BLOCK, "watcher", (stopped,))
    # Elsewhere the same attribute means nothing: only a generation can be stopped.
    assert verdict_at(Stage.OUTPUT).rule != "watcher"
