"""Distress: help for the writer or for somebody the writer knows; never for a place or a sad scene."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.text import distress, plugins
from safelight.detectors.text.chinese import locale_of
from safelight.detectors.text.compositions import shipped_compositions
from safelight.detectors.text.distress import MAX_SCORE, SCORE, DistressDetector
from safelight.policy.findings import Basis
from support.rows import each_row
from support.texts import findings

DETECTOR = DistressDetector(shipped_compositions(), distress.load())


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


@given(st.text(max_size=200))
def test_any_text_is_accepted(text: str) -> None:
    findings(DETECTOR, text)


def test_the_plugin_declares_the_cells() -> None:
    assert DETECTOR.capabilities == plugins.DISTRESS.capabilities


@each_row
def test_help_is_offered_in_the_language_of_the_text(text: str, locale: str) -> None:
    assert locale_of(text) == locale
