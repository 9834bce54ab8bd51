from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.policy.findings import Cell, Coverage, Finding, Modality, Stage
from safelight.policy.verdicts import Action, Verdict
from safelight.provenance import manifest
from safelight.provenance.manifest import SealFacts, SoftBinding, SourceType
from support.rows import each_row

VERDICT = Verdict(
    action=Action.ALLOW,
    stage=Stage.OUTPUT,
    subject_sha256="a" * 64,
    policy="starter",
    policy_sha256="b" * 64,
)
FACTS = SealFacts(
    video_id="video_1",
    generator="wan",
    model="wan-2.2",
    source_type=SourceType.TRAINED,
    generated_at=dt.datetime(2026, 11, 20, 8, tzinfo=dt.timezone(dt.timedelta(hours=1))),
    verdict=VERDICT,
    coverage=Coverage(),
)


def data(facts: SealFacts, label: str) -> dict[str, object]:
    built = manifest.build(facts, version="9")
    found: dict[str, object] = next(one["data"] for one in built["assertions"] if one["label"] == label)
    return found


def verdict(action: Action = Action.ALLOW, **fields: Any) -> Verdict:
    return msgspec.structs.replace(VERDICT, action=action, **fields)


def finding(category: str, **fields: Any) -> Finding:
    given = {"score": 1.0, "modality": Modality.IMAGE, "detector": "d", "version": "1", **fields}
    return Finding(category=category, **given)


def test_a_generated_video_has_the_iptc_source_type_its_badge_and_its_soft_bindings() -> None:
    created, badge = data(replace(FACTS, badge=True), "c2pa.actions")["actions"]  # type: ignore[misc]
    assert created["digitalSourceType"] == (
        "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    )
    assert created["when"] == "2026-11-20T07:00:00Z"
    assert created["softwareAgent"] == {"name": "wan-2.2"}
    assert badge["action"] == "c2pa.addedText"
    bound = replace(FACTS, soft_bindings=(SoftBinding(alg="org.x.mark", value="AAAA"),))
    block = {"scope": {}, "value": "AAAA"}
    assert data(bound, "c2pa.soft-binding") == {"alg": "org.x.mark", "blocks": [block]}
    assert len(data(FACTS, "c2pa.actions")["actions"]) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize("action", [Action.HOLD, Action.BLOCK])
def test_a_held_or_blocked_video_is_sealed_only_after_a_reviewers_release(action: Action) -> None:
    facts = replace(FACTS, verdict=verdict(action))
    with pytest.raises(ValueError, match="cannot be sealed"):
        manifest.build(facts, version="9")
    assert data(replace(facts, reviewed=True), manifest.VERDICT_LABEL)["reviewed"] is True


@each_row
def test_the_manifest_names_category_and_rule_only_of_a_label_or_an_approved_hold(
    action: Action, reviewed: bool, named: str
) -> None:
    facts = replace(FACTS, verdict=verdict(action, category="x", rule="x"), reviewed=reviewed)
    built = data(facts, manifest.VERDICT_LABEL)
    assert (built["category"], built["rule"]) == (named, named)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        manifest.build(replace(FACTS, generated_at=dt.datetime(2026, 1, 1)), version="9")  # noqa: DTZ001


def test_the_test_card_is_recorded() -> None:
    card = finding("violence", test_card=True, reason="the card")
    facts = replace(FACTS, verdict=verdict(Action.LABEL, findings=(card,)))
    assert data(facts, manifest.VERDICT_LABEL)["test_card"] is True


def test_a_manifest_names_no_check_unless_the_operator_chooses_and_then_waived_ones_too() -> None:
    gap = Cell(category="sexual/minors", modality=Modality.FRAMES, required=True)
    seen = Cell(
        category="sexual", modality=Modality.FRAMES, required=True, available=True, ran=True, complete=True
    )
    off = Cell(category="ip/brand", modality=Modality.IMAGE)
    waived = verdict(gaps=(gap,), waived=(gap,), waivers=("pilot",))
    facts = replace(FACTS, verdict=waived, coverage=Coverage(cells=(gap, seen, off)), is_waived=True)
    built = json.dumps(manifest.build(facts, version="9"))
    assert built.count("Some checks were waived by the operator.") == 1
    assert not [one for one in ("sexual", "frames", "checked", "pilot") if one in built]
    stated = data(replace(facts, names_checks=True), manifest.VERDICT_LABEL)
    assert stated["remark"] == "Some checks were waived by the operator."
    assert stated["waived"] == ["sexual/minors (frames)"]
    assert stated["coverage"] == {
        "checked": ["sexual (frames)"],
        "partly": [],
        "not checked": ["sexual/minors (frames)"],
    }


@each_row
def test_the_outcome_follows_from_a_manifest(action: Action, is_waived: bool, outcome: str) -> None:
    facts = replace(FACTS, verdict=verdict(action), is_waived=is_waived, reviewed=True)
    assert manifest.outcome_of(data(facts, manifest.VERDICT_LABEL)) == outcome


def test_a_manifest_says_that_a_reviewer_approved_missing_checks_and_old_remarks_are_read() -> None:
    facts = replace(FACTS, verdict=verdict(Action.HOLD), reviewed=True, gaps_approved=True)
    stated = data(facts, manifest.VERDICT_LABEL)
    assert stated["remark"] == "A reviewer approved it although required checks were not completed."
    assert manifest.outcome_of(stated) == "approved_with_gaps"
    both = data(replace(facts, is_waived=True), manifest.VERDICT_LABEL)
    assert manifest.remarks_of(both) == ["waived", "gaps_approved"]
    old = {"action": "allow", "remark": "Some checks were waived by the operator."}
    assert (manifest.remarks_of(old), manifest.outcome_of(old)) == (["waived"], "allowed_under_waiver")


@given(words=st.text(min_size=8, max_size=80), name=st.text(min_size=8, max_size=20))
def test_the_manifest_has_neither_reasons_nor_waiver_names(words: str, name: str) -> None:
    words, name = f"<<{words}>>", f"<<{name}>>"
    found = finding("hate", modality=Modality.TEXT, reason=words)
    facts = replace(
        FACTS,
        verdict=verdict(Action.LABEL, category="hate", reason=words, findings=(found,), waivers=(name,)),
    )
    text = json.dumps(manifest.build(facts, version="9"), ensure_ascii=False)
    assert json.dumps(words, ensure_ascii=False)[1:-1] not in text
    assert json.dumps(name, ensure_ascii=False)[1:-1] not in text
