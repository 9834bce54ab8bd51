"""Requests for a method of self-harm, and their neighbours: prevention, care, news, ordinary life."""

from __future__ import annotations

from safelight.detectors.protocol import TextContent
from safelight.detectors.text.compositions import CompositionDetector, shipped_compositions
from safelight.detectors.text.normalise import views
from safelight.policy.findings import Basis, Finding, TextSpan
from support.rows import each_row

DETECTOR = CompositionDetector(shipped_compositions(), name="compositions")


def inspect(text: str) -> list[Finding]:
    content = TextContent(field="prompt", text=text, views=views(text))
    return [one for one in DETECTOR.inspect_text(content) if one.category == "self-harm/instructions"]


@each_row
def test_a_request_for_a_method_is_found_in_any_order(text: str) -> None:
    (finding, *_more) = inspect(text)
    assert finding.basis is Basis.COMPOSED
    assert finding.score >= 0.88
    assert len([span for span in finding.evidence if isinstance(span, TextSpan)]) >= 2


@each_row
def test_care_news_and_ordinary_life_are_no_requests(text: str) -> None:
    assert not inspect(text)
