from __future__ import annotations

from safelight.detectors.audio.identity_claims import (
    CLAIM,
    FORMAL_SCORE,
    NAME_ONLY_SCORE,
    PERSON_SCORE,
    PLUGIN,
)
from safelight.detectors.protocol import TextDetector
from safelight.policy.findings import Finding
from support.rows import each_row
from support.texts import findings, marked

DETECTOR = PLUGIN.load({})


def claims(text: str, field: str = "transcript") -> list[Finding]:
    assert isinstance(DETECTOR, TextDetector)
    return findings(DETECTOR, text, field)


@each_row
def test_a_claim_of_identity_is_found_and_similar_phrases_are_not(what: str, text: str, claim: bool) -> None:
    found = [one for one in claims(text) if one.score >= 0.4]
    assert len(found) == claim
    for one in found:
        assert (one.category, one.attributes["kind"]) == ("deception/speech", CLAIM)
        assert one.score < 0.5
        assert marked(one, text) != [""]


def test_a_reporter_with_a_name_scores_higher_than_a_first_name() -> None:
    [formal] = claims("This is John Smith, reporting live from the harbour")
    [introduced] = claims("Hi! My name is Lily and this is my dog")
    assert (formal.score, introduced.score) == (FORMAL_SCORE, NAME_ONLY_SCORE)
    [chinese] = claims("这里是记者王小明")
    assert chinese.score == FORMAL_SCORE


def test_the_evidence_is_the_words_of_the_claim() -> None:
    text = "Hello everybody, I am Barack Obama."
    [found] = claims(text)
    assert marked(found, text) == ["I am Barack Obama"]
    assert found.score == PERSON_SCORE


def test_a_prompt_is_not_checked_for_claims() -> None:
    assert claims("I am the president", field="prompt") == []
