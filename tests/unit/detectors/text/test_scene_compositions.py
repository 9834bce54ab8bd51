"""Shipped compositions of scenes: what is shown, without the usual keyword."""

from __future__ import annotations

from safelight.detectors.protocol import TextContent
from safelight.detectors.text.compositions import CompositionDetector, shipped_compositions
from safelight.detectors.text.normalise import views
from support.rows import each_row

GORE = CompositionDetector(shipped_compositions(), name="stand-in", categories=["violence/graphic"])
SEX = CompositionDetector(shipped_compositions(), name="stand-in", categories=["sexual"])


def count_findings(detector: CompositionDetector, text: str) -> int:
    return len(list(detector.inspect_text(TextContent(field="prompt", text=text, views=views(text)))))


@each_row
def test_torn_bodies_wounds_and_torture_are_graphic_violence(text: str) -> None:
    assert count_findings(GORE, text)


@each_row
def test_medicine_sport_props_idioms_and_war_without_wounds_are_not(text: str) -> None:
    assert not count_findings(GORE, text)


@each_row
def test_a_sexual_act_is_found_without_the_usual_keyword(text: str) -> None:
    assert count_findings(SEX, text)


@each_row
def test_sport_art_and_fashion_are_not_a_sexual_act(text: str) -> None:
    assert not count_findings(SEX, text)
