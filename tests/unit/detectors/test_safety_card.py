from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.detectors import safety_card
from safelight.policy.findings import SHIPPED
from support.rows import each_row

NAMES = [spec.name for spec in SHIPPED]
OTHER_NAMES = st.from_regex(r"[a-z0-9]([a-z0-9._/\-]{0,30}[a-z0-9])?", fullmatch=True)


@pytest.mark.parametrize("name", NAMES)
def test_the_phrase_is_read_back_with_its_span(name: str) -> None:
    text = f"A calm lake, {safety_card.card_phrase(name).upper()}. The end"
    assert safety_card.read_text(text) == [(name, 13, 13 + len(safety_card.card_phrase(name)))]


@each_row
def test_a_name_that_the_card_cannot_encode_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not a category name"):
        safety_card.card_phrase(name)
    with pytest.raises(ValueError, match="is not a category name"):
        safety_card.make_tones(name, 16000)


@each_row
def test_the_drawn_card_has_one_readable_code_inside_the_picture(size: tuple[int, int]) -> None:
    pixels = safety_card.draw_card("self-harm/instructions", *size)
    assert pixels.shape == (size[1], size[0], 3)
    [(name, (x, y, w, h))] = safety_card.read_qr(pixels)
    assert name == "self-harm/instructions"
    assert min(x, y) >= 0
    assert min(w, h) > 0.1
    assert max(x + w, y + h) <= 1


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("name", NAMES)
def test_shipped_tones_last_half_a_second_to_one_and_are_read_back(name: str, rate: int) -> None:
    sound = safety_card.make_tones(name, rate)
    assert 0.5 <= sound.size / rate <= 1.05
    [(read, start, end)] = safety_card.read_tones(np.concatenate([np.zeros(rate, np.float32), sound]), rate)
    assert read == name
    assert start == pytest.approx(1.0, abs=0.05)
    assert end == pytest.approx(1.0 + sound.size / rate, abs=0.05)


@settings(max_examples=60, deadline=None)
@given(name=OTHER_NAMES, silence=st.integers(0, 5000), seed=st.integers(0, 2**16))
def test_tones_of_any_name_survive_noise_and_any_offset(name: str, silence: int, seed: int) -> None:
    sound = safety_card.make_tones(name, 16000)
    clip = np.concatenate([np.zeros(silence, np.float32), sound, np.zeros(900, np.float32)])
    clip += np.random.default_rng(seed).normal(0, 0.02, clip.size).astype(np.float32)
    assert [read for read, _, _ in safety_card.read_tones(clip, 16000)] == [name]


def test_two_sequences_are_separated_across_a_chunk_boundary() -> None:
    rate = 8000
    clip = np.zeros(rate * 42, np.float32)
    for name, at in (("hate", 19.8), ("violence", 39.9)):
        sound = safety_card.make_tones(name, rate)
        clip[round(at * rate) : round(at * rate) + sound.size] = sound
    assert [name for name, _, _ in safety_card.read_tones(clip, rate)] == ["hate", "violence"]


def test_other_text_pictures_and_sounds_are_no_card() -> None:
    for text in ("SAFELIGHT TEST violence", "safelight-test", "SAFELIGHT-TEST:", "a test card"):
        assert safety_card.read_text(text) == []
    noise = np.random.default_rng(1).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    assert safety_card.read_qr(noise) == []
    seconds = np.arange(16000 * 20) / 16000
    sounds = {
        "silence": np.zeros(seconds.size),
        "noise": np.random.default_rng(3).normal(0, 0.3, seconds.size),
        "sweep": np.sin(2 * np.pi * (200 + 150 * seconds) * seconds),
        "empty": np.zeros(0),
    }
    for name, sound in sounds.items():
        assert safety_card.read_tones(sound.astype(np.float32), 16000) == [], name
