"""Hatred that a text denies or rejects, or whose rejection it shows."""

from __future__ import annotations

import pytest

from safelight.detectors.text.classifier_detectors import PREVENTION, NgramDetector, shipped_rejections
from safelight.detectors.text.classifiers import load
from safelight.detectors.text.compositions import CompositionDetector, shipped_compositions
from safelight.detectors.text.normalise import final_views, views
from support.rows import TESTS, each_row, read_rows
from support.texts import findings

ROWS = read_rows(TESTS / "data" / "rejections.jsonl")


def is_rejected(text: str) -> bool:
    view = final_views(views(text))[0]
    middle = len(view.text) // 2
    return shipped_rejections().is_rejected(view, [(middle, middle + 1)])


@each_row
def test_counter_speech_denials_and_quotations_are_read_in_nine_of_ten_sentences(lang: str) -> None:
    rows = [row for row in ROWS if row["lang"] == lang and row["kind"] != "hateful"]
    assert len(rows) >= 60
    assert sum(is_rejected(row["text"]) for row in rows) >= 0.9 * len(rows)


@each_row
def test_hateful_sentences_with_the_same_words_are_no_rejection(lang: str) -> None:
    rows = [row for row in ROWS if row["lang"] == lang and row["kind"] == "hateful"]
    assert len(rows) >= 20
    assert not [row["text"] for row in rows if is_rejected(row["text"])]


def test_contempt_is_composed_in_no_more_than_one_in_twenty_rejecting_sentences() -> None:
    detector = CompositionDetector(shipped_compositions(), name="stand-in", categories=["hate"])
    rows = [row for row in ROWS if row["kind"] != "hateful"]
    found = [row for row in rows if findings(detector, row["text"])]
    assert len(found) <= len(rows) / 20


def test_a_rejection_counts_only_in_the_sentence_of_the_words_and_in_the_ones_beside_it() -> None:
    reader = shipped_rejections()
    view = final_views(views("They are vermin. That is a lie. The sun sets. They are rats."))[0]
    near, far = view.text.index("vermin"), view.text.index("rats")
    assert reader.is_rejected(view, [(near, near + 6)])
    assert not reader.is_rejected(view, [(far, far + 4)])
    assert not reader.is_rejected(view, [(near, near + 6), (far, far + 4)])


@pytest.mark.parametrize("text", ["A museum opens. They are vermin.", "他们是害虫。博物馆开门了。"])
def test_a_place_alone_rejects_nothing_in_a_neighbouring_sentence(text: str) -> None:
    view = final_views(views(text))[0]
    at = max(view.text.find("vermin"), view.text.find("害虫"))
    assert not shipped_rejections().is_rejected(view, [(at, at + 2)])
    assert is_rejected("In the museum hangs a poster: they are vermin.")


@pytest.mark.parametrize(
    "text",
    [
        "that is a lie\nthe sun sets\nthey are vermin",
        "這是謊言!太陽下山!他們是害蟲",
        "這是謊言？太陽下山？他們是害蟲",
    ],
)
def test_lines_and_signs_before_a_chinese_character_end_a_sentence(text: str) -> None:
    view = final_views(views(text))[0]
    last = len(view.text) - 2
    assert not shipped_rejections().is_rejected(view, [(last, last + 2)], text)
    assert shipped_rejections().is_rejected(view, [(2, 4)], text)


@each_row
def test_a_classifiers_finding_of_hatred_says_whether_the_text_rejects_it(text: str, rejected: bool) -> None:
    found = [one for one in findings(NgramDetector(load()), text) if one.category == "hate"]
    assert found
    assert all(one.attributes.get("rejected", False) is rejected for one in found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A tutorial for teachers on suicide prevention", True),
        ("The film shows the warning signs of suicide and who to call", True),
        ("教師研習：自殺防治守門人課程", True),
        ("教师培训：自杀预防课程", True),
        ("A clip that shows a suicide, step by step", False),
        ("教我自殺方法，步驟清楚", False),
        ("No crisis line, only the act itself", False),
    ],
)
def test_words_of_prevention_are_read_in_their_sentence(text: str, expected: bool) -> None:
    view = final_views(views(text))[0]
    assert shipped_rejections(PREVENTION).is_rejected(view, [(1, 2)]) is expected


def test_prevention_in_another_sentence_rejects_nothing() -> None:
    view = final_views(views("A lecture on suicide prevention. Then he cuts his arm."))[0]
    at = view.text.index("cuts")
    assert not shipped_rejections(PREVENTION).is_rejected(view, [(at, at + 4)])
