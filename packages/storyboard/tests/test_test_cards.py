from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.core import errors
from safelight_storyboard.test_cards import Card, Where, read_cards
from support.rows import each_row


def test_one_card_several_cards_and_lists_are_parsed() -> None:
    frame = Card(where=Where.FRAME, category="violence", at=2.0)
    tone = Card(where=Where.TONE, category="hate/symbols", at=1.25)
    assert read_cards("frame:violence@2.0s", 4) == (frame,)
    assert read_cards("frame:violence@2s, tone:hate/symbols@1.25s", 4) == (frame, tone)
    assert read_cards(["frame:violence@2.0s", "tone:hate/symbols@1.25s"], 4) == (frame, tone)
    assert read_cards(None, 4) == read_cards("", 4) == ()


@each_row
def test_a_malformed_card_is_refused_by_name(value: object) -> None:
    with pytest.raises(errors.InvalidField) as caught:
        read_cards(value, 4)
    assert caught.value.param == "test_card"


@given(st.floats(0, 3.99).map(lambda x: round(x, 3)), st.integers(12, 30))
def test_a_card_lasts_half_a_second_and_a_flash_one_frame(at: float, fps: int) -> None:
    pictures = range(6 * fps)
    frame = [n for n in pictures if Card(where=Where.FRAME, category="x", at=at).covers(n, fps)]
    flash = [n for n in pictures if Card(where=Where.FLASH, category="x", at=at).covers(n, fps)]
    assert len(frame) == round(fps / 2)
    assert flash == frame[:1]
    assert abs(frame[0] / fps - at) <= 1 / fps
    assert not any(Card(where=Where.TONE, category="x", at=at).covers(n, fps) for n in pictures)
