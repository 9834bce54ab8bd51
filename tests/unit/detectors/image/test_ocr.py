from __future__ import annotations

import pytest

from safelight.detectors.image.ocr import is_texture


@pytest.mark.parametrize(("text", "score"), [("II", 0.88), ("wwwwwwwh.w", 0.66), ("TH", 0.77), ("一", 0.63)])
def test_few_letters_read_with_little_confidence_are_texture(text: str, score: float) -> None:
    assert is_texture(text, score)


@pytest.mark.parametrize(("text", "score"), [("die", 0.9), ("歡迎", 0.92), ("fire now", 0.55), ("殺", 0.93)])
def test_short_words_read_well_and_longer_ones_read_badly_are_writing(text: str, score: float) -> None:
    assert not is_texture(text, score)
