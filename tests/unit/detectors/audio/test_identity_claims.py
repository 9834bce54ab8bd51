from __future__ import annotations

import pytest

from safelight.detectors.audio.identity_claims import (
    CLAIM,
    FORMAL_SCORE,
    NAME_ONLY_SCORE,
    PERSON_SCORE,
    PLUGIN,
    IdentityClaimDetector,
)
from safelight.detectors.protocol import TextContent, TextDetector
from safelight.detectors.text.normalise import views
from safelight.policy.findings import Finding, TextSpan


@pytest.fixture(scope="module")
def detector() -> IdentityClaimDetector:
    loaded = PLUGIN.load({})
    assert isinstance(loaded, TextDetector)
    assert isinstance(loaded, IdentityClaimDetector)
    return loaded


def claims(detector: IdentityClaimDetector, text: str, field: str = "transcript") -> list[Finding]:
    return list(detector.inspect_text(TextContent(field=field, text=text, views=views(text))))


@pytest.mark.parametrize(
    "text",
    [
        "Good evening. I am the president, and school is closed tomorrow.",
        "I'm your new prime minister",
        "This is your governor with an urgent message",
        "Hello, this is your bank, please read me the code",
        "I'm calling from the tax office about your debt",
        "I am Barack Obama and I approve this",
        "this is president Macron",
        "My name is Taylor Swift",
        "我是总统，今天放假",
        "我是總統",
        "我就是美国总统拜登",
        "我是公安局的",
        "你好，我们是建设银行",
    ],
)
def test_a_claim_of_identity_is_found(detector: IdentityClaimDetector, text: str) -> None:
    [found] = claims(detector, text)
    assert (found.category, found.attributes["kind"]) == ("deception/speech", CLAIM)
    assert 0.4 <= found.score < 0.5
    [place] = found.evidence
    assert isinstance(place, TextSpan)
    assert 0 <= place.start < place.end <= len(text)


@pytest.mark.parametrize(
    "text",
    [
        "The president said that school is closed",
        "If I am the president one day, I will build parks",
        "I'm Obama's biggest fan",
        "I am Taylor Swift fan number one",
        "I am the president of the class",
        "I am not sure who the president is",
        "I am going to the bank",
        "This is the museum",
        "我不是总统",
        "如果我是总统，我会多种树",
        "我是总统的粉丝",
        "我是学生",
    ],
)
def test_similar_phrases_are_not_identity_claims(detector: IdentityClaimDetector, text: str) -> None:
    assert [found for found in claims(detector, text) if found.score >= 0.4] == []


def test_a_reporter_with_a_name_scores_higher_than_a_first_name(
    detector: IdentityClaimDetector,
) -> None:
    [formal] = claims(detector, "This is John Smith, reporting live from the harbour")
    [introduced] = claims(detector, "Hi! My name is Lily and this is my dog")
    assert (formal.score, introduced.score) == (FORMAL_SCORE, NAME_ONLY_SCORE)
    [chinese] = claims(detector, "这里是记者王小明")
    assert chinese.score == FORMAL_SCORE


def test_the_evidence_is_the_words_of_the_claim(detector: IdentityClaimDetector) -> None:
    text = "Hello everybody, I am Barack Obama."
    [found] = claims(detector, text)
    [place] = found.evidence
    assert isinstance(place, TextSpan)
    assert text[place.start : place.end] == "I am Barack Obama"
    assert found.score == PERSON_SCORE


def test_a_prompt_is_not_checked_for_claims(detector: IdentityClaimDetector) -> None:
    assert claims(detector, "I am the president", field="prompt") == []
