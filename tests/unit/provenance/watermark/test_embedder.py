from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from safelight.provenance.watermark.embedder import (
    FIRST_LIMITS,
    RETRY_LIMITS,
    Strength,
    StrengthLimits,
    WatermarkEmbedder,
    choose_strength,
)
from safelight.provenance.watermark.pattern import FADE_S, SLOT_S, WatermarkPattern
from safelight.provenance.watermark.visibility import MOST_BLOCKS, visible_change

from .conftest import Luma


def test_a_marked_clip_keeps_a_luma_psnr_of_42_5_decibels(plain: list[Luma], marked: list[Luma]) -> None:
    error = np.mean([np.square(a.astype(float) - b).mean() for a, b in zip(plain, marked, strict=True)])
    assert 10 * np.log10(255**2 / error) >= 42.5


@pytest.mark.parametrize("limits", [FIRST_LIMITS, RETRY_LIMITS])
def test_a_flat_clip_gets_the_highest_factor_and_not_more(limits: StrengthLimits) -> None:
    strength = choose_strength([np.full((360, 640), 20, np.uint8)], limits=limits)
    assert strength == Strength(factor=limits.factor, is_limited_by_psnr=False)


def test_a_black_clip_has_a_strength() -> None:
    assert choose_strength([np.zeros((360, 640), np.uint8)]).factor == FIRST_LIMITS.factor


def test_the_mark_is_not_more_visible_than_the_limit(plain: list[Luma]) -> None:
    limits = StrengthLimits(visibility=5.0, factor=9.0)
    strength = choose_strength(plain[::6], limits=limits)
    assert not strength.is_limited_by_psnr
    other = WatermarkEmbedder(WatermarkPattern.from_seed(b"another"), 7, factor=strength.factor)
    blocks = [visible_change(one.astype(np.float32), other.change(one, 0.0)) for one in plain[::6]]
    # Another pattern, and so not exactly as visible.
    assert np.percentile(np.concatenate(blocks), MOST_BLOCKS) == pytest.approx(5.0, rel=0.2)


def test_the_psnr_limits_a_clip_with_texture_everywhere(plain: list[Luma]) -> None:
    limits = StrengthLimits(visibility=100.0, factor=9.0)
    first = choose_strength(plain[::6], limits=limits)
    assert first.is_limited_by_psnr
    higher = replace(limits, visibility=200.0, factor=18.0)
    assert choose_strength(plain[::6], limits=higher) == first


def test_a_clip_without_frames_has_no_strength() -> None:
    with pytest.raises(ValueError, match="without frames"):
        choose_strength([])


def test_marking_changes_neither_the_input_nor_black_into_noise_of_wrapped_numbers(
    pattern: WatermarkPattern,
) -> None:
    for level in (0, 255):
        frame = np.full((90, 160), level, np.uint8)
        marked = WatermarkEmbedder(pattern, 1, factor=2.0).mark(frame, 0.0)
        assert (frame == level).all()
        assert np.abs(marked.astype(int) - level).max() < 15


def test_the_pattern_is_still_in_a_slot_and_then_fades_into_its_next_place(pattern: WatermarkPattern) -> None:
    frame = np.full((360, 640), 128, np.uint8)
    embedder = WatermarkEmbedder(pattern, 1, factor=8.0)

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
    marked = WatermarkEmbedder(pattern, 1, factor=2.0).mark(np.full(shape, 128, np.uint8), 0.0)
    assert marked.shape == shape
