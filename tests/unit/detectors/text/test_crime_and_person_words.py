"""Compositions for crimes, private data and harassment, and their neighbours of ordinary life."""

from __future__ import annotations

from safelight.detectors.protocol import TextContent
from safelight.detectors.text.compositions import CompositionDetector, shipped_compositions
from safelight.detectors.text.normalise import views
from support.rows import each_row

DETECTOR = CompositionDetector(
    shipped_compositions(), name="compositions", categories=("illicit", "privacy", "harassment")
)


def categories(text: str) -> set[str]:
    content = TextContent(field="prompt", text=text, views=views(text))
    return {finding.category for finding in DETECTOR.inspect_text(content)}


@each_row
def test_crime_secret_recording_and_degradation_are_found(category: str, text: str) -> None:
    assert category in categories(text)


@each_row
def test_ordinary_life_is_not_found(text: str) -> None:
    assert not categories(text)
