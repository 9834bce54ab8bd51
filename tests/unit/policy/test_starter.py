"""Every sentence of the design on `starter`, by name."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from safelight.detectors.text.plugins import NGRAMS
from safelight.moderation.cross_modal_classifier import SCORE
from safelight.policy.categories import SHIPPED
from safelight.policy.documents import load
from safelight.policy.findings import Basis, OperatingPoint
from safelight.policy.grounding import rules_below_point
from safelight.policy.verdicts import Audience

#: The lowest operating point that a bundled classifier may have in a category that it reports.
LEARNED = {capability.category: 0.5 for capability in NGRAMS.capabilities} | {"self-harm/intent": 0.4}


@pytest.mark.parametrize("where", ["text", "image", "frames", "audio"])
def test_sexual_with_minors_in_any_modality_is_blocked_and_vaulted(
    decided: Any, seen: Any, where: str
) -> None:
    together = decided("output", seen("sexual", 0.9, where, frames=9), seen("minors-present", 0.9, "text"))
    itself = decided("output", seen("sexual/minors", 0.9, where))
    for verdict in (together, itself):
        assert (verdict.action, verdict.category, verdict.vault) == ("block", "sexual/minors", True)


def test_exposed_nudity_over_several_frames_is_blocked(decided: Any, seen: Any) -> None:
    assert decided("output", seen("sexual", 0.6, "frames", frames=3)).action == "block"
    assert decided("output", seen("sexual", 0.6, "frames", duration_s=0.5)).action == "block"


def test_exposed_nudity_in_a_single_frame_is_held(decided: Any, seen: Any) -> None:
    assert decided("output", seen("sexual", 0.99, "frames", frames=1)).action == "hold"


@pytest.mark.parametrize("depiction", ["sexual", "violence", "violence/graphic"])
@pytest.mark.parametrize("public", [True, False])
def test_a_sexual_or_violent_depiction_of_a_real_person_is_blocked(
    decided: Any, seen: Any, depiction: str, public: bool
) -> None:
    person = seen("likeness", 0.9, public_figure=public)
    assert decided("prompt", person, seen(depiction, 0.65)).action == "block"


def test_self_harm_instructions_are_blocked(decided: Any, seen: Any) -> None:
    verdict = decided("prompt", seen("self-harm/instructions"))
    assert (verdict.action, verdict.rule) == ("block", "sh-2")


def test_praise_of_extremism_is_blocked(decided: Any, seen: Any) -> None:
    assert decided("prompt", seen("extremism")).action == "block"


def test_known_hashes_are_blocked_at_any_score(decided: Any, seen: Any) -> None:
    verdict = decided("reference", seen("violence", 0.01, "image", kind="hash"))
    assert (verdict.action, verdict.vault) == ("block", False)
    abuse = decided("reference", seen("sexual/minors", 0.01, "image", kind="hash"))
    assert (abuse.action, abuse.vault) == ("block", True)


@pytest.mark.parametrize("deceit", ["deception", "deception/speech"])
def test_a_public_figure_in_something_deceptive_is_held_and_blocked_if_people_are_meant_to_believe_it(
    decided: Any, seen: Any, deceit: str
) -> None:
    figure = seen("likeness", public_figure=True)
    assert decided("prompt", figure, seen(deceit)).action == "hold"
    assert decided("prompt", figure, seen(deceit, explicit=True)).action == "block"


def test_a_public_figure_in_something_sexual_is_blocked(decided: Any, seen: Any) -> None:
    assert decided("prompt", seen("likeness", public_figure=True), seen("sexual")).action == "block"


def test_a_public_figure_otherwise_is_labelled(decided: Any, seen: Any) -> None:
    assert decided("prompt", seen("likeness", public_figure=True)).action == "label"


def test_a_face_in_a_reference_is_blocked(decided: Any, seen: Any) -> None:
    verdict = decided("reference", seen("likeness", 0.9, "image", kind="face"))
    assert (verdict.action, verdict.rule) == ("block", "lk-1")


def test_a_face_in_a_reference_is_allowed_only_with_a_consent_that_was_given_on_camera(
    decided: Any, seen: Any
) -> None:
    recorded = seen("likeness", 0.9, "image", kind="face")
    verdict = decided("reference", recorded, consents=("consent_1",))
    assert (verdict.action, verdict.rule) == ("hold", "lk-9")
    on_camera = seen("likeness", 0.9, "image", kind="face", consented=True)
    assert decided("reference", on_camera, consents=("consent_1",)).action == "allow"


def test_a_consent_does_not_allow_a_sexual_depiction(decided: Any, seen: Any) -> None:
    face = seen("likeness", 0.9, "image", kind="face", consented=True)
    verdict = decided("reference", face, seen("sexual", 0.9), consents=("consent_1",))
    assert (verdict.action, verdict.category) == ("block", "ncii")


def test_a_face_in_the_output_alone_matches_no_rule(decided: Any, seen: Any) -> None:
    verdict = decided("output", seen("likeness", 0.99, "frames", kind="face", frames=120))
    assert (verdict.action, verdict.matched_rules) == ("allow", ())


@pytest.mark.parametrize(
    "scene",
    [
        pytest.param([("minors-present", 0.95, "text")], id="children in ordinary scenes"),
        pytest.param(
            [("minors-present", 0.95, "text"), ("sexual", 0.28, "frames")], id="families at the beach"
        ),
        pytest.param([("sexual", 0.29, "frames")], id="bare chests of men"),
        pytest.param([("violence/graphic", 0.45, "frames"), ("violence/graphic", 0.6, "text")], id="surgery"),
        pytest.param([("violence", 0.95, "text")], id="war history"),
        pytest.param([("violence", 0.8, "text"), ("violence", 0.8, "frames")], id="sports"),
        pytest.param([("violence/graphic", 0.45, "text")], id="stage blood"),
        pytest.param([("self-harm", 0.3, "text")], id="tears"),
        pytest.param(
            [("self-harm", 0.45, "text"), ("self-harm/intent", 0.4, "text")], id="alone on a rooftop"
        ),
    ],
)
def test_ordinary_scenes_are_allowed(decided: Any, seen: Any, scene: list[tuple[str, float, str]]) -> None:
    found = [seen(category, score, where, frames=40) for category, score, where in scene]
    assert decided("output", *found).action == "allow"


def test_an_incidental_brand_is_allowed_and_recorded(decided: Any, seen: Any) -> None:
    verdict = decided("prompt", seen("ip/brand", role="passing"))
    assert (verdict.action, verdict.matched_rules) == ("allow", ("ip-3",))


@pytest.mark.parametrize("category", ["ip/brand", "ip/character"])
def test_a_brand_or_character_as_the_subject_is_labelled_and_blocked_in_strict(
    decided: Any, seen: Any, checked: Any, category: str
) -> None:
    subject = seen(category, role="subject")
    assert decided("prompt", subject).action == "label"
    assert decided("prompt", subject, policy=load("strict", SHIPPED)).action == "block"


def test_expressions_of_distress_get_help_lines_and_are_not_blocked(decided: Any, seen: Any) -> None:
    verdict = decided("prompt", seen("self-harm/intent"))
    assert (verdict.action, verdict.support) == ("allow", True)


@pytest.mark.parametrize("category", [spec.name for spec in SHIPPED])
@pytest.mark.parametrize("where", ["text", "image", "frames", "audio"])
@pytest.mark.parametrize("name", ["starter", "strict", "creative"])
def test_the_test_card_of_every_category_is_blocked_and_not_vaulted(
    decided: Any, seen: Any, category: str, where: str, name: str
) -> None:
    verdict = decided("output", seen(category, 1.0, where, card=True), policy=load(name, SHIPPED))
    assert (verdict.action, verdict.rule, verdict.category) == ("block", "card-1", category)
    assert verdict.test_card_only
    assert not verdict.vault
    assert not verdict.quarantine


def test_the_test_card_with_a_real_finding_is_an_ordinary_case(decided: Any, seen: Any) -> None:
    verdict = decided("prompt", seen("violence", 1.0, card=True), seen("extremism"))
    assert (verdict.rule, verdict.test_card_only) == ("ex-1", False)


def test_the_test_card_never_weakens_a_real_finding(decided: Any, seen: Any) -> None:
    card = seen("sexual", 1.0, card=True)
    verdict = decided("prompt", card, seen("sexual", 0.9), seen("minors-present", 0.9))
    assert (verdict.rule, verdict.vault, verdict.test_card_only) == ("sm-1", True, False)
    assert not decided("prompt", card, seen("likeness", public_figure=True)).test_card_only


@pytest.mark.parametrize(
    "category",
    ["deception", "deception/speech", "extremism", "harassment", "hate", "illicit", "self-harm", "violence"],
)
def test_a_cross_modal_classifier_finding_never_stops_anything(
    decided: Any, seen: Any, category: str
) -> None:
    found = seen(category, SCORE, cross_modal=True, kind="classifier", basis=Basis.LEARNED)
    known = seen("likeness", 0.9, public_figure=True)
    assert decided("output", found).action == "allow"
    assert decided("output", found, known).rule == "lk-5"


def test_a_cross_modal_classifier_finding_is_recorded(decided: Any, seen: Any) -> None:
    found = seen("hate", SCORE, cross_modal=True, kind="classifier", basis=Basis.LEARNED)
    assert decided("output", found).matched_rules == ("to-4",)


@pytest.mark.parametrize("basis", [Basis.MATCHED, Basis.COMPOSED, Basis.ASKED])
def test_sexual_words_beside_a_minor_are_vaulted_if_they_are_matched_or_a_guard_reports_them(
    decided: Any, seen: Any, basis: Basis
) -> None:
    verdict = decided("prompt", seen("sexual", 0.9, basis=basis), seen("minors-present"))
    assert (verdict.action, verdict.vault, verdict.quarantine) == ("block", True, False)


def test_a_classifier_beside_a_sign_of_a_minor_holds_and_quarantines(
    decided: Any, seen: Any, point: OperatingPoint
) -> None:
    learned = seen("sexual", 0.9, basis=Basis.LEARNED, point=point)
    verdict = decided("prompt", learned, seen("minors-present"))
    assert (verdict.action, verdict.vault, verdict.quarantine) == ("hold", False, True)
    assert "sm-4" in verdict.matched_rules


def test_two_voices_beside_a_sign_of_a_minor_block_without_a_vault(
    decided: Any, seen: Any, point: OperatingPoint
) -> None:
    other = msgspec.structs.replace(point, voice="zh-words")
    voices = [seen("sexual", 0.9, basis=Basis.LEARNED, point=at) for at in (point, other)]
    verdict = decided("prompt", *voices, seen("minors-present"))
    assert (verdict.action, verdict.rule, verdict.vault, verdict.quarantine) == ("block", "sx-1", False, True)


@pytest.mark.parametrize("sign", ["minors-present", "sexual/minors"])
def test_a_sign_of_a_minor_never_stands_for_the_sexual_part(decided: Any, seen: Any, sign: str) -> None:
    unmeasured = seen("sexual", 0.99, basis=Basis.LEARNED)
    found = decided("prompt", unmeasured, seen("minors-present"), audience=Audience.MINORS)
    assert found.matched_rules == ("mp-1",)


@pytest.mark.parametrize("policy", ["starter", "strict", "creative"])
@pytest.mark.parametrize("audience", [Audience.GENERAL, Audience.SENSITIVE])
@pytest.mark.parametrize("category", ["sexual", "violence", "illicit", "self-harm"])
def test_themes_for_adults_leave_no_trace_in_the_verdict_of_an_adult(
    decided: Any, seen: Any, policy: str, audience: Audience, category: str
) -> None:
    document = load(policy, SHIPPED)
    theme = seen(category, 0.25, kind="mature")
    verdict = decided("prompt", theme, seen("minors-present"), policy=document, audience=audience)
    assert verdict == decided("prompt", policy=document, audience=audience)
    minors = decided("prompt", theme, policy=document, audience=Audience.MINORS)
    assert (minors.action, minors.category) == ("hold", category)


@pytest.mark.parametrize("policy", ["starter", "strict", "creative"])
@pytest.mark.parametrize("category", ["extremism", "ncii"])
def test_classifiers_alone_never_block_as_extremism_or_intimate_imagery(
    decided: Any, seen: Any, point: OperatingPoint, policy: str, category: str
) -> None:
    document = load(policy, SHIPPED)
    other = msgspec.structs.replace(point, voice="zh-words")
    voices = [seen(category, 0.99, basis=Basis.LEARNED, point=at) for at in (point, other)]
    assert decided("prompt", *voices, policy=document).action == "hold"
    assert decided("prompt", seen(category, 0.99), policy=document).action == "block"
    assert decided("output", seen(category, 0.99, "frames"), policy=document).action == "block"


def test_a_hate_symbol_in_pictures_needs_three_frames(decided: Any, seen: Any) -> None:
    assert decided("output", seen("hate/symbols", 0.9, "frames", frames=2)).action == "allow"
    assert decided("output", seen("hate/symbols", 0.7, "frames", frames=3)).action == "hold"
    assert decided("reference", seen("hate/symbols", 0.7, "image")).action == "hold"


@pytest.mark.parametrize("policy", ["starter", "strict", "creative"])
def test_no_shipped_rule_asks_for_less_than_the_operating_point_of_a_classifier(policy: str) -> None:
    assert list(rules_below_point(load(policy, SHIPPED).rules, LEARNED)) == []
