from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from safelight.provenance.watermark.embedder import MAX_STRENGTH, WatermarkEmbedder, choose_strength
from safelight.provenance.watermark.pattern import FADE_S, SLOT_S, WatermarkPattern

from .conftest import Luma


def test_a_marked_clip_keeps_a_luma_psnr_of_42_5_decibels(plain: list[Luma], marked: list[Luma]) -> None:
    error = np.mean([np.square(a.astype(float) - b).mean() for a, b in zip(plain, marked, strict=True)])
    assert 42.5 <= 10 * np.log10(255**2 / error) <= 43.5


def test_a_flat_clip_gets_the_highest_strength_and_not_more(pattern: WatermarkPattern) -> None:
    assert choose_strength([np.full((360, 640), 20, np.uint8)]) == MAX_STRENGTH


def test_a_clip_without_frames_has_no_strength() -> None:
    with pytest.raises(ValueError, match="without frames"):
        choose_strength([])


def test_marking_changes_neither_the_input_nor_black_into_noise_of_wrapped_numbers(
    pattern: WatermarkPattern,
) -> None:
    for level in (0, 255):
        frame = np.full((90, 160), level, np.uint8)
        marked = WatermarkEmbedder(pattern, 1, strength=MAX_STRENGTH).mark(frame, 0.0)
        assert (frame == level).all()
        assert np.abs(marked.astype(int) - level).max() < 15


def test_the_pattern_is_still_in_a_slot_and_then_fades_into_its_next_place(pattern: WatermarkPattern) -> None:
    frame = np.full((360, 640), 128, np.uint8)
    embedder = WatermarkEmbedder(pattern, 1, strength=8.0)

    def mark(time_s: float) -> npt.NDArray[np.float64]:
        return embedder.mark(frame, time_s).astype(float) - 128

    def correlation(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
        return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])

    first, following = mark(0.0), mark(SLOT_S)
    assert (mark(SLOT_S - FADE_S) == first).all()
    assert abs(correlation(first, following)) < 0.2
    times = SLOT_S - FADE_S + FADE_S * np.linspace(0, 1, 12)
    fading = [mark(time) for time in times]
    assert all(one.std() == pytest.approx(first.std(), rel=0.1) for one in fading)
    assert all(correlation(one, other) > 0.95 for one, other in pairwise(fading))


@pytest.mark.parametrize("shape", [(360, 640), (640, 360), (400, 400), (362, 1000), (2, 2)])
def test_frames_of_every_shape_are_marked(pattern: WatermarkPattern, shape: tuple[int, int]) -> None:
    marked = WatermarkEmbedder(pattern, 1, strength=2.0).mark(np.full(shape, 128, np.uint8), 0.0)
    assert marked.shape == shape
