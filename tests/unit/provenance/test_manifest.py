from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.policy.coverage import Cell, Coverage
from safelight.policy.findings import Finding, Modality, Stage
from safelight.policy.verdicts import Action, Verdict
from safelight.provenance import manifest
from safelight.provenance.manifest import SealFacts, SoftBinding, SourceType

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


def test_a_generated_video_has_the_iptc_source_type() -> None:
    (created,) = data(FACTS, "c2pa.actions")["actions"]  # type: ignore[misc]
    assert created["digitalSourceType"] == (
        "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    )
    assert created["when"] == "2026-11-20T07:00:00Z"
    assert created["softwareAgent"] == {"name": "wan-2.2"}


def test_the_badge_is_an_action_of_its_own() -> None:
    actions = data(replace(FACTS, badge=True), "c2pa.actions")["actions"]
    assert [one["action"] for one in actions] == ["c2pa.created", "c2pa.addedText"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("action", [Action.HOLD, Action.BLOCK])
def test_a_held_or_blocked_video_is_sealed_only_after_a_reviewers_release(action: Action) -> None:
    verdict = Verdict(
        action=action, stage=Stage.OUTPUT, subject_sha256="a", policy="starter", policy_sha256="b"
    )
    with pytest.raises(ValueError, match="cannot be sealed"):
        manifest.build(replace(FACTS, verdict=verdict), version="9")
    assert data(replace(FACTS, verdict=verdict, reviewed=True), manifest.VERDICT_LABEL)["reviewed"] is True


@pytest.mark.parametrize(
    ("action", "reviewed", "named"),
    [
        (Action.ALLOW, False, ""),
        (Action.ALLOW, True, ""),
        (Action.LABEL, False, "x"),
        (Action.HOLD, True, "x"),
    ],
)
def test_the_manifest_names_category_and_rule_only_of_a_label_or_an_approved_hold(
    action: Action, reviewed: bool, named: str
) -> None:
    verdict = Verdict(
        action=action,
        stage=Stage.OUTPUT,
        subject_sha256="a",
        policy="starter",
        policy_sha256="b",
        category="x",
        rule="x",
    )
    built = data(replace(FACTS, verdict=verdict, reviewed=reviewed), manifest.VERDICT_LABEL)
    assert (built["category"], built["rule"]) == (named, named)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        manifest.build(replace(FACTS, generated_at=dt.datetime(2026, 1, 1)), version="9")  # noqa: DTZ001


def test_a_soft_binding_is_stored_unchanged() -> None:
    bound = data(
        replace(FACTS, soft_bindings=(SoftBinding(alg="org.x.mark", value="AAAA"),)), "c2pa.soft-binding"
    )
    assert bound == {"alg": "org.x.mark", "blocks": [{"scope": {}, "value": "AAAA"}]}


def test_the_test_card_is_recorded() -> None:
    card = Finding(
        category="violence",
        score=1.0,
        modality=Modality.IMAGE,
        detector="test-card",
        version="1",
        reason="the card",
        test_card=True,
    )
    verdict = Verdict(
        action=Action.LABEL,
        stage=Stage.OUTPUT,
        subject_sha256="a",
        policy="starter",
        policy_sha256="b",
        findings=(card,),
    )
    assert data(replace(FACTS, verdict=verdict), manifest.VERDICT_LABEL)["test_card"] is True


def test_unchecked_categories_are_in_the_manifest_too() -> None:
    seen = Cell(
        category="sexual", modality=Modality.IMAGE, required=True, available=True, ran=True, complete=True
    )
    gap = Cell(category="extremism", modality=Modality.AUDIO, required=True)
    off = Cell(category="ip/brand", modality=Modality.IMAGE)
    words = manifest.coverage_words(Coverage(cells=(gap, seen, off)))
    assert words == {
        "checked": ["sexual (image)"],
        "partly": [],
        "not checked": [f"extremism ({Modality.AUDIO.value})"],
    }


def test_a_manifest_names_no_check_unless_the_operator_chooses_and_then_waived_ones_too() -> None:
    gap = Cell(category="sexual/minors", modality=Modality.FRAMES, required=True)
    seen = Cell(
        category="sexual", modality=Modality.FRAMES, required=True, available=True, ran=True, complete=True
    )
    verdict = msgspec.structs.replace(VERDICT, gaps=(gap,), waived=(gap,), waivers=("pilot",))
    facts = replace(FACTS, verdict=verdict, coverage=Coverage(cells=(gap, seen)), is_waived=True)
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


@pytest.mark.parametrize(
    ("action", "is_waived", "outcome"),
    [
        (Action.ALLOW, False, "allow"),
        (Action.ALLOW, True, "allowed_under_waiver"),
        (Action.LABEL, True, "allowed_under_waiver"),
        (Action.HOLD, True, "hold"),
    ],
)
def test_the_outcome_follows_from_a_manifest(action: Action, is_waived: bool, outcome: str) -> None:
    verdict = msgspec.structs.replace(VERDICT, action=action)
    facts = replace(FACTS, verdict=verdict, is_waived=is_waived, reviewed=True)
    assert manifest.outcome_of(data(facts, manifest.VERDICT_LABEL)) == outcome


@given(words=st.text(min_size=8, max_size=80), name=st.text(min_size=8, max_size=20))
def test_the_manifest_has_neither_reasons_nor_waiver_names(words: str, name: str) -> None:
    words, name = f"<<{words}>>", f"<<{name}>>"
    finding = Finding(
        category="hate", score=0.9, modality=Modality.TEXT, detector="d", version="1", reason=words
    )
    verdict = Verdict(
        action=Action.LABEL,
        stage=Stage.OUTPUT,
        subject_sha256="a",
        policy="starter",
        policy_sha256="b",
        category="hate",
        reason=words,
        findings=(finding,),
        waivers=(name,),
    )
    text = json.dumps(manifest.build(replace(FACTS, verdict=verdict), version="9"), ensure_ascii=False)
    assert json.dumps(words, ensure_ascii=False)[1:-1] not in text
    assert json.dumps(name, ensure_ascii=False)[1:-1] not in text
