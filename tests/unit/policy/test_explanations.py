from __future__ import annotations

from collections import defaultdict
from itertools import product
from typing import Any

import msgspec
import pytest

from safelight.policy.decisions import remove_notes
from safelight.policy.explanations import (
    ChargeFacts,
    ExplanationLevel,
    ExplanationLinks,
    RetryAdvice,
    explain,
    help_lines,
)
from safelight.policy.findings import SHIPPED, Cell, Coverage, FrameRange, Modality, TimeRange
from safelight.policy.verdicts import Action
from support.rows import each_row
from support.verdicts import decided, learned, seen

SPAN = (4, 12)
LINKS = ExplanationLinks(appeal="https://example.org/appeal/1", record="https://example.org/videos/1")


def explained(verdict: Any, audience: ExplanationLevel = ExplanationLevel.DEVELOPER, **more: Any) -> Any:
    return explain(verdict, SHIPPED, level=audience, **more)


def test_a_block_is_explained_with_stage_reason_and_next_step() -> None:
    verdict = decided("prompt", seen("hate", 0.9, span=SPAN))
    explanation = explained(verdict, links=LINKS)
    assert explanation.sentence == (
        "Blocked before generation. In the prompt: Hatred against a group (rule ha-1). "
        "Nothing was charged. Change the prompt or appeal."
    )
    assert explanation.appeal == LINKS.appeal
    assert explained(decided("prompt"), links=LINKS).appeal == ""
    assert explained(verdict, ExplanationLevel.END_USER, links=LINKS).record == ""
    heard = explained(decided("output", seen("hate", 0.9, "audio"))).as_wire()
    stages = [wire["moderation_stage"] for wire in (explanation.as_wire(), heard)]
    assert stages == ["input", "output"]
    tested = explained(decided("prompt", seen("violence", 1.0, card=True)), ExplanationLevel.END_USER)
    assert "test card" in tested.sentence
    assert tested.as_wire()["test_card"] is True


def test_a_developer_sees_rule_and_span_and_an_end_user_only_the_group() -> None:
    verdict = decided("prompt", seen("hate/symbols", 0.9, span=SPAN))
    developer, person = explained(verdict).as_wire(), explained(verdict, ExplanationLevel.END_USER).as_wire()
    assert (developer["categories"], developer["rule"]) == (["hate/symbols"], "ha-3")
    (part,) = developer["evidence"]
    assert part["evidence"] == [{"type": "text", "field": "prompt", "start": 4, "end": 12}]
    assert (person["categories"], person["group"]) == (["hate"], "hate")
    assert not {"rule", "reason", "evidence"} & person.keys()


@pytest.mark.parametrize("locale", ["en", "zh-Hans", "zh-Hant"])
def test_an_end_user_reads_one_sentence_for_every_prompt_that_a_rule_blocks(locale: str) -> None:
    sentences: defaultdict[str, set[str]] = defaultdict(set)
    for spec, score, span in product(SHIPPED, (0.5, 0.7, 0.85, 1.0), (None, SPAN, (20, 31))):
        for others in ((), (seen("violence", 0.9, span=(40, 48)),)):
            verdict = decided("prompt", seen(spec.name, score, span=span), *others)
            if verdict.action is Action.BLOCK and not verdict.vault:
                shown = explained(verdict, ExplanationLevel.END_USER, locale=locale)
                sentences[verdict.rule].add(shown.sentence)
    assert len(sentences) > 10
    assert {rule for rule, different in sentences.items() if len(different) > 1} == set()


@pytest.mark.parametrize("category", sorted(spec.name for spec in SHIPPED if spec.hide_details))
def test_instructions_for_harm_are_explained_by_their_group_only(category: str) -> None:
    score = 0.48 if category == "sexual/minors" else 0.9
    verdict = decided("prompt", seen(category, score, span=SPAN))
    assert verdict.action.severity >= 2
    for viewer in (ExplanationLevel.END_USER, ExplanationLevel.DEVELOPER):
        wire = explained(verdict, viewer).as_wire()
        assert wire["categories"] == [SHIPPED[category].group.value]
        assert not {"rule", "reason", "evidence"} & wire.keys()
        assert verdict.rule not in explained(verdict, viewer).sentence
    assert explained(verdict, ExplanationLevel.REVIEWER).rule == verdict.rule


@pytest.mark.parametrize("viewer", ExplanationLevel)
def test_a_vaulted_result_is_explained_without_category_or_evidence(viewer: ExplanationLevel) -> None:
    verdict = decided("prompt", seen("sexual", 0.9, span=SPAN), seen("minors-present", 0.9))
    assert verdict.vault
    wire = explained(verdict, viewer, links=LINKS).as_wire()
    assert (wire["categories"], wire["group"], wire["retry"]["action"]) == ([], None, "never")
    assert not {"rule", "reason", "evidence", "support", "record", "not_checked"} & wire.keys()
    said = str(wire) + explained(verdict, viewer).sentence
    for word in ("sexual", "minor", "sm-", "prompt:"):
        assert word not in said.replace("'stage': 'prompt'", "")


@each_row
def test_the_charge_is_reported_if_it_is_known(charge: ChargeFacts | None, sentence: str) -> None:
    explanation = explained(decided("output", seen("hate", 0.9, "audio")), charge=charge)
    assert sentence in explanation.sentence
    assert explanation.as_wire()["charged"]["charged"] == (charge.charged if charge else "unknown")


def test_the_retry_advice_depends_on_the_finding() -> None:
    assert explained(decided("prompt", seen("hate"))).retry is RetryAdvice.CHANGE_PROMPT
    shown = seen(
        "sexual", 0.9, "frames", evidence=(FrameRange(first=24, last=48, start_s=1, end_s=2, peak=30),)
    )
    chance = explained(decided("output", shown))
    assert chance.retry is RetryAdvice.NEW_SEED
    assert "At 1.0 s: Exposed sexual nudity in 25 frames (rule sx-2)." in chance.sentence
    heard = seen("hate", 0.6, "audio", evidence=(TimeRange(start_s=2.5, end_s=3),))
    held = explained(decided("output", heard))
    assert (held.retry, held.sentence) == (
        RetryAdvice.NEVER,
        "Held for review after generation. At 2.5 s: Possible hatred against a group (rule ha-2). "
        "Whether the generator charged for it is not known. Wait for the review; nothing needs to be done.",
    )
    face = explained(decided("reference", seen("likeness", 0.9, "image", kind="face")))
    assert face.next_step == "Change the reference."


def test_a_failed_check_may_be_retried_and_a_missing_one_may_not() -> None:
    failed = Cell(category="sexual", modality=Modality.TEXT, required=True, available=True)
    crashed = decided("prompt", coverage=Coverage(cells=(failed,)))
    missing = decided("prompt", coverage=Coverage())
    assert (explained(crashed).retry, explained(crashed).retry_after_s) == (RetryAdvice.SAME, 60.0)
    assert explained(missing).retry is RetryAdvice.NEVER
    assert explained(missing).categories == ()
    assert "sexual in text" in explained(missing).not_checked
    assert explained(missing, ExplanationLevel.END_USER).not_checked == ()


def test_distress_gets_help_lines_with_every_verdict() -> None:
    calm = explained(decided("prompt", seen("self-harm/intent")), ExplanationLevel.END_USER)
    stopped = explained(decided("prompt", seen("self-harm/instructions")), ExplanationLevel.END_USER)
    for explanation in (calm, stopped):
        said = " ".join(line["text"] for line in explanation.as_wire()["support"])
        assert "findahelpline.com" in said
        assert "988" in said
    assert calm.sentence == "Allowed before generation."


@pytest.mark.parametrize("locale", ["en", "zh-Hant", "zh-Hans"])
@pytest.mark.parametrize("score", [0.6, 0.9])
def test_a_stopped_act_of_self_harm_names_help_before_the_reason(score: float, locale: str) -> None:
    verdict = decided("prompt", seen("self-harm/act", score))
    assert verdict.support
    said = explained(verdict, ExplanationLevel.END_USER, locale=locale)
    assert next(iter(said.as_wire())) == "support"
    assert 0 < said.sentence.index(said.support[0].name) < said.sentence.index(said.why)


def test_evidence_of_a_discreet_category_is_withheld_next_to_another() -> None:
    verdict = decided("prompt", seen("likeness", public_figure=True), seen("deception"), seen("hate", 0.4))
    assert {part["category"] for part in explained(verdict).evidence} == {"likeness", "deception"}


def test_help_lines_match_the_region() -> None:
    assert {line.region for line in help_lines()} == {"", "US", "GB"}
    assert [(line.region, "2389 2222" in line.text) for line in help_lines("en", "HK")] == [
        ("HK", True),
        ("", False),
    ]
    # A browser that nobody set up says en-US, also in Taipei.
    assert {line.region for line in help_lines("zh-Hant", "US")} == {"", "US", "TW", "HK"}
    assert help_lines("zh-Hans", "DE") == help_lines("zh-Hans")
    assert "1925" in " ".join(line.text for line in help_lines("zh-Hant"))
    assert "12356" in " ".join(line.text for line in help_lines("zh-Hans"))
    assert help_lines("xx") == help_lines()


@pytest.mark.parametrize("category", ["extremism", "ncii"])
@pytest.mark.parametrize("level", ExplanationLevel)
def test_the_gravest_categories_are_not_named_on_one_classifiers_score(
    category: str, level: ExplanationLevel
) -> None:
    explanation = explained(decided("prompt", learned(category)), level)

    assert explanation.sentence == (
        "Held for review before generation. Some words here often occur in harmful requests. "
        "A person will look. Nothing was charged. Wait for the review; nothing needs to be done."
    )
    assert (explanation.group, explanation.categories) == ("", ())
    assert explanation.as_wire()["learned_alone"] is True


def test_a_classifier_beside_a_sign_of_a_minor_is_not_explained_as_that() -> None:
    verdict = decided("prompt", learned("sexual"), seen("minors-present"))
    explanation = explained(verdict, ExplanationLevel.END_USER)

    assert explanation.group != "minors"
    assert "minors" not in explanation.sentence


def test_a_hold_by_one_classifier_says_so_and_names_its_category() -> None:
    verdict = decided("prompt", learned("hate"))
    for_user = explained(verdict, ExplanationLevel.END_USER)
    assert "The reason is hate or harassment. Only one sign of this was found;" in for_user.sentence
    for_developer = explained(verdict)
    assert for_developer.categories == ("hate",)
    assert "Only one sign of this was found;" in for_developer.sentence
    assert "learned_alone" not in explained(decided("prompt", seen("hate"))).as_wire()


def test_outside_of_review_only_known_notes_of_missing_checks_are_shown() -> None:
    known = "14 frames that differ from their neighbours, starting with frame 7, were not scanned, because "
    known += "the sampling budget was used up."
    withheld = "Speech was not sent to the transcription server."
    raw = "Connection refused: http://10.0.0.5:9000/v1, see /srv/models."
    named = "upstream http://10.0.0.5:9000"
    cells = [
        Cell(category="violence", modality=Modality.FRAMES, required=True, note=f"{known} {withheld}"),
        Cell(category="hate", modality=Modality.FRAMES, required=True, note=raw),
        Cell(category="sexual", modality=Modality.FRAMES, required=True, note=named),
    ]
    verdict = decided("output", coverage=Coverage(cells=tuple(cells)))
    assert {cell.note for cell in verdict.gaps} >= {f"{known} {withheld}", raw, named}
    for_developer = explained(verdict)
    assert for_developer.gap_notes == (known,)
    assert "gap_notes" not in for_developer.as_wire()
    assert raw in verdict.reason
    assert remove_notes(verdict.reason).endswith(" in frames.")
    assert "10.0.0.5" not in str(for_developer)
    assert withheld not in str(for_developer)
    assert explained(verdict, ExplanationLevel.END_USER).gap_notes == ()
    assert {f"{known} {withheld}", raw, named} <= set(explained(verdict, ExplanationLevel.REVIEWER).gap_notes)


@pytest.mark.parametrize("action", [Action.HOLD, Action.BLOCK])
def test_a_clip_with_too_much_to_check_is_accused_of_nothing_and_nobody_is_told_to_send_it_again(
    action: Action,
) -> None:
    cell = Cell(category="extremism", modality=Modality.FRAMES, required=True, available=True, ran=True)
    # The requirement decides whether a gap holds or blocks.
    held = msgspec.structs.replace(decided("output", coverage=Coverage()), action=action)
    busy = msgspec.structs.replace(held, gaps=(msgspec.structs.replace(cell, over_budget=True),))
    for level in (ExplanationLevel.END_USER, ExplanationLevel.DEVELOPER):
        said = explained(busy, level, links=LINKS)
        assert (said.retry, said.retry_after_s) == (RetryAdvice.NEVER, None)
        assert (said.group, said.categories) == ("", ())
        assert "more to check in this clip than the time for it allows" in said.why
        assert "again" not in said.next_step
        assert "extremism" not in said.sentence
        assert "install" not in said.sentence
    # A check that failed may succeed next time.
    both = msgspec.structs.replace(held, gaps=(*busy.gaps, cell))
    assert explained(both).retry is RetryAdvice.SAME
    assert explained(both).why == "Not all checks that this service requires could be completed."


@pytest.mark.parametrize("language", ["en", "zh-Hant", "zh-Hans"])
@pytest.mark.parametrize(
    ("region", "number"),
    [("TW", "1925"), ("HK", "2389 2222"), ("CN", "12356"), ("US", "988"), ("GB", "116 123")],
)
def test_every_region_has_its_help_line_in_every_language_and_the_page_of_all_countries(
    language: str, region: str, number: str
) -> None:
    lines = help_lines(language, region)
    if language == "en" or region != "US":
        assert {line.region for line in lines} == {region, ""}
    assert number in lines[0].text
    assert "findahelpline.com" in lines[-1].text
