from __future__ import annotations

import pytest

from safelight.detectors.protocol import TextContent
from safelight.detectors.text.compositions import CompositionList
from safelight.detectors.text.homophones import Homophones, load_readings
from safelight.detectors.text.lists import ListEntry
from safelight.detectors.text.minilm.cache import default_folder
from safelight.detectors.text.normalise import folded, plain, views
from safelight.detectors.text.words import WordDetector, load_shipped
from safelight.policy.findings import Basis, Finding, TextSpan

TERM = "制造毒药"


@pytest.fixture(scope="module")
def detector() -> WordDetector:
    entry = ListEntry(list="own", category="illicit", score=0.9, reason="A recipe.", terms=((TERM,),))
    return WordDetector([entry], CompositionList(entries=(), rules=()))


def found(detector: WordDetector, text: str, field: str = "transcript") -> list[Finding]:
    return list(detector.inspect_text(TextContent(field=field, text=text, views=views(text))))


@pytest.mark.parametrize("heard", ["教你智造毒要的方法", "教你製造讀藥的方法"])
def test_a_term_is_found_by_its_sound_in_a_transcript_only(detector: WordDetector, heard: str) -> None:
    [finding] = found(detector, heard)
    # One voice, which alone holds at most.
    assert finding.basis is Basis.LEARNED
    assert finding.point is not None
    assert finding.point.voice == "homophones"
    assert "the sound of the listed ones" in finding.reason
    [place] = [one for one in finding.evidence if isinstance(one, TextSpan)]
    assert (place.start, place.end) == (2, 6)
    assert found(detector, heard, "prompt") == []


def test_a_term_that_was_heard_exactly_is_found_once_and_as_matched(detector: WordDetector) -> None:
    [finding] = found(detector, f"教你{TERM}，智造毒要")
    assert finding.basis is Basis.MATCHED


@pytest.mark.parametrize("heard", ["独要", "今天早上我和朋友去公园散步", "the poison", ""])
def test_short_terms_and_other_words_are_not_matched_by_sound(detector: WordDetector, heard: str) -> None:
    assert found(detector, heard) == []


def test_an_ambiguous_sound_always_becomes_the_same_term() -> None:
    readings = load_readings(default_folder())
    assert (readings["炸"], readings["蛋"], readings["女"]) == ("zha", "dan", "nu:")
    view = folded(plain("吃饭了"))
    made = [Homophones(readings, terms).view(view) for terms in (["痴犯乐", "池泛勒"], ["池泛勒", "痴犯乐"])]
    assert made[0] is not None
    assert made[0] == made[1]


def test_everyday_speech_gives_the_shipped_lists_no_reason() -> None:
    for heard in (
        "老师让我们带纸剪刀和胶水来上课",
        "春节的时候全家人一起吃饺子看电视",
        "船在港口等了两天风终于停了",
    ):
        assert found(load_shipped(), heard) == []
