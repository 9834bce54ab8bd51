from __future__ import annotations

import math

import numpy as np
import pytest

from safelight.detectors.protocol import Frame, FrameDetector, TextContent, TextDetector
from safelight.policy.findings import TextSpan
from safelight.testing.detectors import FRAME_MARKER, TEXT_MARKER, MarkerFailed, frame_marker, text_marker


def text(words: str) -> TextContent:
    return TextContent(field="prompt", text=words, views=())


def frame(index: int) -> Frame:
    return Frame(index=index, time_s=index / 8, pixels=np.zeros((4, 4, 3), np.uint8), width=4, height=4)


def test_the_text_marker_finds_every_occurrence() -> None:
    detector = text_marker(word="zebra", category="hate", score=0.7).load({})
    assert isinstance(detector, TextDetector)
    found = list(detector.inspect_text(text("a zebra and a zebra")))
    assert [finding.evidence for finding in found] == [
        (TextSpan(field="prompt", start=2, end=7),),
        (TextSpan(field="prompt", start=14, end=19),),
    ]
    assert {(finding.category, finding.score) for finding in found} == {("hate", 0.7)}


def test_the_text_marker_fails_on_command() -> None:
    detector = TEXT_MARKER.load({"hang_s": 0.0})
    assert isinstance(detector, TextDetector)
    with pytest.raises(MarkerFailed):
        list(detector.inspect_text(text("MARKER:raise")))
    assert math.isnan(next(iter(detector.inspect_text(text("MARKER:nan")))).score)
    assert len(list(detector.inspect_text(text("MARKER:hang")))) == 1
    assert list(detector.inspect_text(text("nothing here"))) == []


def test_the_frame_marker_reports_only_its_frames() -> None:
    detector = frame_marker(first_frame=3, last_frame=4).load({"category": "sexual"})
    assert isinstance(detector, FrameDetector)
    marked = [index for index in range(8) for _ in detector.inspect_frame(frame(index))]
    assert marked == [3, 4]


def test_the_frame_marker_fails_on_command() -> None:
    detector = FRAME_MARKER.load({"mode": "raise", "first_frame": 2})
    assert isinstance(detector, FrameDetector)
    assert list(detector.inspect_frame(frame(1))) == []
    with pytest.raises(MarkerFailed):
        list(detector.inspect_frame(frame(2)))
