from __future__ import annotations

import pytest

from safelight.detectors.text.safety_card import CardDetector
from safelight.policy.findings import TextSpan
from support.texts import content, findings

DETECTOR = CardDetector({"violence", "violence/graphic", "self-harm"})


@pytest.mark.parametrize("word", ["violence", "violence/graphic", "self-harm"])
def test_the_phrase_triggers_exactly_its_category(word: str) -> None:
    text = f"a cat, SAFELIGHT-TEST:{word}, a dog"
    (finding,) = findings(DETECTOR, text)
    assert (finding.category, finding.score, finding.test_card) == (word, 1.0, True)
    (span,) = finding.evidence
    assert isinstance(span, TextSpan)
    assert text[span.start : span.end] == f"SAFELIGHT-TEST:{word}"


@pytest.mark.parametrize(
    "typed",
    [
        "SAFE\u200dLIGHT-TEST:vio\u200blence",
        "ＳＡＦＥＬＩＧＨＴ－ＴＥＳＴ：violence",
        "safelight-test: Violence",
    ],
)
def test_a_disguised_card_triggers_too(typed: str) -> None:
    (finding,) = findings(DETECTOR, f"x {typed} y")
    assert finding.category == "violence"


def test_an_unknown_category_is_not_a_card() -> None:
    assert not findings(DETECTOR, "SAFELIGHT-TEST:kindness")


def test_the_card_is_blanked_for_other_detectors_with_offsets_kept() -> None:
    text = "before SAFELIGHT-TEST:self-harm after"
    blanked = DETECTOR.blanked(content(text))
    assert len(blanked.text) == len(text)
    assert blanked.text.split() == ["before", "after"]
    assert DETECTOR.blanked(content("SAFELIGHT-TEST:kindness")).text == "SAFELIGHT-TEST:kindness"
