from __future__ import annotations

import pytest

from safelight.detectors.protocol import MediaText
from safelight.detectors.text.media_text import assemble_passages
from safelight.policy.findings import FrameRange
from safelight.screening.scanning import ocr_merge
from safelight.screening.scanning.ocr_merge import OcrTextMerger, merge_texts


def read(text: str, frame: int, confidence: float = 0.9) -> MediaText:
    return MediaText(text=text, confidence=confidence, frame=frame, start_s=frame / 10, end_s=frame / 10)


def test_a_text_that_stays_on_screen_is_merged_with_its_best_reading() -> None:
    [text] = merge_texts([[read("Exit", 0, 0.7)], [read("EXIT ", 5, 0.95)], [read("exit", 9, 0.8)]])
    assert (text.text, text.frame, text.start_s, text.end_s) == ("EXIT ", 5, 0.0, 0.9)


def test_a_text_that_returns_is_a_second_text() -> None:
    texts = merge_texts([[read("one", 0)], [read("two", 1)], [read("one", 2)]])
    assert [(text.text, text.start_s) for text in texts] == [("one", 0.0), ("two", 0.1), ("one", 0.2)]


def test_duplicate_texts_in_a_frame_are_merged_and_blank_ones_dropped() -> None:
    assert [text.text for text in merge_texts([[read("a", 0), read("A", 0), read("  ", 0)], []])] == ["a"]


def test_no_frames_give_no_texts() -> None:
    assert merge_texts([]) == merge_texts([[], []]) == []


def test_texts_of_a_crop_do_not_end_texts_elsewhere_in_the_frame() -> None:
    texts = OcrTextMerger()
    texts.add([read("Exit", 0)])
    texts.add_from_crop([read("hidden", 3), read("hidden", 3, 0.8), read("exit", 3, 0.99)])
    texts.add([read("Exit", 9)])
    assert [(text.text, text.start_s, text.end_s) for text in texts.texts()] == [
        ("exit", 0.0, 0.9),
        ("hidden", 0.3, 0.3),
    ]


def test_texts_beyond_the_limit_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr_merge, "MAX_TEXTS", 3)
    texts = OcrTextMerger()
    for number in range(20):
        assert texts.full == (number > 3)
        texts.add([read(f"line {number}", number)])
    texts.add_from_crop([read("a part", 30)])
    assert [text.text for text in texts.texts()] == ["line 0", "line 1", "line 2", "line 3"]


def test_a_merged_text_is_in_the_frames_from_its_first_to_its_last_reading() -> None:
    reads = [
        [
            MediaText(
                text="EXIT", confidence=confidence, frame=frame, start_s=frame / 24, end_s=(frame + 1) / 24
            )
        ]
        for frame, confidence in ((0, 0.8), (25, 0.9), (50, 0.7))
    ]
    place = assemble_passages(merge_texts(reads)).passages[0].locate()
    assert isinstance(place, FrameRange)
    assert (place.first, place.last, place.peak, place.start_s) == (0, 50, 25, 0.0)
