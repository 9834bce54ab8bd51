from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from safelight_lab.redteam.media_attacks import SOUND_ATTACKS, VIDEO_ATTACKS
from safelight_lab.redteam.media_clip import Medium, choose_attacks, media_attacks

WIDTH, HEIGHT, COUNT, RATE = 192, 108, 24, 16_000


def words_on_paper() -> np.ndarray:
    frame = np.full((HEIGHT, WIDTH, 3), 230, np.uint8)
    frame[40:60, 30:160] = (200, 40, 30)
    return np.repeat(frame[None], COUNT, axis=0)


@pytest.mark.parametrize(("name", "family", "change"), VIDEO_ATTACKS)
def test_an_attack_on_frames_is_repeatable(name: str, family: str, change: Any) -> None:
    assert family
    frames = words_on_paper()
    first, second = (change(frames.copy(), np.random.default_rng(5)) for _ in range(2))
    assert (first.dtype, first.ndim, first.shape[3]) == (np.uint8, 4, 3)
    assert min(first.shape[:3]) >= 1
    assert np.array_equal(first, second)
    assert not np.array_equal(first, frames), name


@pytest.mark.parametrize(("name", "family", "change"), SOUND_ATTACKS)
def test_an_attack_on_sound_is_repeatable_and_stays_in_range(name: str, family: str, change: Any) -> None:
    assert family
    moments = np.arange(2 * RATE) / RATE
    samples = (0.5 * np.sin(2 * np.pi * (300 + 200 * moments) * moments)).astype(np.float32)
    first, second = (change(samples.copy(), RATE, np.random.default_rng(5)) for _ in range(2))
    assert (first.dtype, first.ndim) == (np.float32, 1)
    assert np.isfinite(first).all()
    assert np.abs(first).max() <= 1.5, name
    assert np.array_equal(first, second)


def test_names_are_unique_and_a_draw_is_repeatable() -> None:
    attacks = list(media_attacks())
    names = [(one.medium, one.name) for one in attacks]
    assert len(set(names)) == len(names)
    video = [one for one in attacks if one.medium is Medium.VIDEO]
    families = {one.family for one in video}
    drawn = choose_attacks(video, len(families), 3)
    assert drawn == choose_attacks(video, len(families), 3)
    assert [one.family for one in drawn] == list(dict.fromkeys(one.family for one in drawn))
    assert {one.family for one in drawn} == families
    assert choose_attacks(attacks, None, 3) == attacks
