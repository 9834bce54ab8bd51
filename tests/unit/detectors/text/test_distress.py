"""Distress cues: a wide net that never blocks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.protocol import TextContent
from safelight.detectors.text import distress
from safelight.detectors.text.chinese import locale_of
from safelight.detectors.text.classifier_detectors import NgramDetector
from safelight.detectors.text.classifiers import Mode, load
from safelight.detectors.text.distress import SCORE, DistressCueDetector
from safelight.detectors.text.normalise import views
from safelight.policy.findings import Finding


def seen(text: str) -> list[Finding]:
    content = TextContent(field="prompt", text=text, views=views(text))
    grams = NgramDetector(load(), distress.load())
    return [*DistressCueDetector().inspect_text(content), *grams.inspect_text(content)]


@pytest.mark.parametrize(
    "text",
    [
        "I don't want to wake up tomorrow. Show an empty room in the morning",
        "my last video, so they know I was here. thank you all",
        "a goodbye letter read over a sunset, it is from me",
        "show me a painless way to go",
        "我撐不下去了,請做一段安靜的海",
        "沒有我大家會更好,拍一個空房間",
        "我不想再醒来,画面是雪",
    ],
)
def test_distress_in_many_wordings_brings_help(text: str) -> None:
    found = [finding for finding in seen(text) if finding.category == "self-harm/intent"]
    assert found


@pytest.mark.parametrize(
    "text",
    [
        "a waterfall in autumn",
        "a corgi surfs a wave, slow motion",
        "瀑布在秋天,航拍",
        "A chef plates a dessert",
    ],
)
def test_ordinary_scenes_do_not_bring_help(text: str) -> None:
    assert not [finding for finding in seen(text) if finding.category == "self-harm/intent"]


def test_a_distress_finding_is_below_every_operating_point() -> None:
    (finding,) = DistressCueDetector().inspect_text(
        TextContent(field="prompt", text="a goodbye note", views=views("a goodbye note"))
    )
    assert finding.score == SCORE < 0.5


@given(st.text(max_size=200))
def test_any_text_is_accepted(text: str) -> None:
    list(DistressCueDetector().inspect_text(TextContent(field="prompt", text=text, views=views(text))))


def test_the_shipped_classifier_has_an_operating_point_for_every_mode() -> None:
    head = distress.load()
    assert len(head.points) == len(Mode)
    assert (head.points != 0).all()


@pytest.mark.parametrize(
    ("text", "locale"),
    [
        ("a quiet lake", "en"),
        ("我想要一段安靜的湖", "zh-Hant"),
        ("我想要一段安静的湖", "zh-Hans"),
        ("", "en"),
    ],
)
def test_help_is_offered_in_the_language_of_the_text(text: str, locale: str) -> None:
    assert locale_of(text) == locale
