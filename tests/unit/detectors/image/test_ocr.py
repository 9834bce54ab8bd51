from __future__ import annotations

from safelight.detectors.image.ocr import is_texture
from support.rows import each_row


@each_row
def test_few_letters_read_with_little_confidence_are_texture(text: str, score: float) -> None:
    assert is_texture(text, score)


@each_row
def test_short_words_read_well_and_longer_ones_read_badly_are_writing(text: str, score: float) -> None:
    assert not is_texture(text, score)
