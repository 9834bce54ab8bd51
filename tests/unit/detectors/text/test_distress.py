"""Distress: help for the writer or for somebody the writer knows; never for a place or a sad scene."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.protocol import TextContent
from safelight.detectors.text import distress, plugins
from safelight.detectors.text.chinese import locale_of
from safelight.detectors.text.compositions import shipped_compositions
from safelight.detectors.text.distress import (
    MAX_DOUBT,
    MAX_SCORE,
    MAX_WORD_DOUBT,
    SCORE,
    DistressDetector,
    Judgement,
)
from safelight.policy.findings import Basis, TextSpan
from support.rows import each_row
from support.texts import findings

DETECTOR = DistressDetector(shipped_compositions(), distress.load())
#: A wish to die, a statement of despair, and a text without such words.
WISH, DESPAIR, OTHER = "i want to kill myself", "i can't go on", "the bridge is quiet from up here"


class FixedMeaning:
    """Judges every text alike; texts in another language not at all."""

    version = "test"

    def __init__(self, excess: float | None) -> None:
        self._excess = excess

    def judge(self, content: TextContent) -> Judgement | None:
        span = TextSpan(field=content.field, start=0, end=3)
        point = distress.load().points[0]
        return None if self._excess is None else Judgement(excess=self._excess, span=span, point=point)


def with_meaning(excess: float | None) -> DistressDetector:
    return DistressDetector(shipped_compositions(), distress.load(), FixedMeaning(excess))


@each_row
def test_distress_of_the_writer_or_of_somebody_known_brings_help_and_places_moods_and_sayings_do_not(
    what: str, text: str, helped: bool
) -> None:
    assert [one.category for one in findings(DETECTOR, text)][:1] == ["self-harm/intent"] * helped


def test_the_basis_says_whether_a_rule_or_the_classifier_found_it() -> None:
    (by_rule,) = findings(DETECTOR, "i want to kill myself")
    assert (by_rule.basis, by_rule.score) == (Basis.COMPOSED, 0.9)
    (learned,) = findings(
        DETECTOR, "tonight i take the train to the coast and i leave my keys on the table, that is it for me"
    )[:1] or (None,)
    if learned is not None:
        assert learned.basis is Basis.LEARNED


def test_a_learned_finding_has_the_operating_point_of_its_language_and_length() -> None:
    classifier = distress.load()
    assert {point.language for point in classifier.points} == {"en", "zh-Hant", "zh-Hans"}
    assert all(point.false_alarm_rate <= 0.005 and point.score == SCORE for point in classifier.points)
    assert {point.length for point in classifier.points} == {"4-8", "9-20", "21-60", "61+"}


def test_the_classifier_reads_first_person_texts_of_four_words_or_more() -> None:
    classifier = distress.load()
    assert classifier.judge("it hurts me", "en") is None
    assert classifier.judge("the pills are on the table and nobody will come home tonight", "en") is None
    judged = classifier.judge(
        "nobody called on my birthday and i wrote the letters, tonight i go into the river for good", "en"
    )
    assert judged is not None
    score, point = judged
    assert point.score <= score <= MAX_SCORE
    assert (point.language, point.length) == ("en", "9-20")


def test_the_meaning_of_a_text_brings_help_without_words_of_distress() -> None:
    (found,) = findings(with_meaning(0.1), OTHER)
    assert (found.basis, found.evidence[0]) == (Basis.LEARNED, TextSpan(field="prompt", start=0, end=3))
    assert SCORE <= found.score <= MAX_SCORE
    assert findings(with_meaning(-0.1), OTHER) == []


def test_despair_counts_unless_the_meaning_is_far_from_it_and_a_wish_to_die_always_counts() -> None:
    assert [one.score for one in findings(with_meaning(-MAX_DOUBT + 0.1), DESPAIR)] == [SCORE]
    assert findings(with_meaning(-MAX_DOUBT - 0.1), DESPAIR) == []
    assert [one.score for one in findings(with_meaning(-MAX_DOUBT - 0.1), WISH)] == [0.9]


def test_where_the_meaning_cannot_be_read_words_decide() -> None:
    text = "nobody called on my birthday and i wrote the letters, tonight i go into the river for good"
    assert [one.score for one in findings(with_meaning(None), text)] == [
        one.score for one in findings(DETECTOR, text)
    ]


def test_words_decide_where_the_meaning_is_little_below_its_operating_point() -> None:
    text = "nobody called on my birthday and i wrote the letters, tonight i go into the river for good"
    (found,) = findings(with_meaning(0.1 - MAX_WORD_DOUBT), text)
    assert (found.basis, found.score) == (Basis.LEARNED, findings(DETECTOR, text)[0].score)
    assert findings(with_meaning(-0.1 - MAX_WORD_DOUBT), text) == []


@given(st.text(max_size=200))
def test_any_text_is_accepted(text: str) -> None:
    findings(DETECTOR, text)


def test_the_plugin_declares_the_cells() -> None:
    assert DETECTOR.capabilities == plugins.DISTRESS.capabilities


@each_row
def test_help_is_offered_in_the_language_of_the_text(text: str, locale: str) -> None:
    assert locale_of(text) == locale
