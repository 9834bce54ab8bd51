from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from safelight.provenance.watermark.clip_marking import (
    FIRST_LIMITS,
    RETRY_LIMITS,
    Strength,
    StrengthLimits,
    WatermarkEmbedder,
    choose_strength,
    overall_visibility,
    visible_change,
)
from safelight.provenance.watermark.pattern import FADE_S, SLOT_S, WatermarkPattern
from support.rows import each_row

from .conftest import Luma


def test_a_marked_clip_keeps_a_luma_psnr_of_42_5_decibels(plain: list[Luma], marked: list[Luma]) -> None:
    error = np.mean([np.square(a.astype(float) - b).mean() for a, b in zip(plain, marked, strict=True)])
    assert 10 * np.log10(255**2 / error) >= 42.5


@pytest.mark.parametrize("limits", [FIRST_LIMITS, RETRY_LIMITS])
def test_a_flat_clip_gets_the_highest_factor_and_not_more(
    pattern: WatermarkPattern, limits: StrengthLimits
) -> None:
    strength = choose_strength(pattern, 1, [np.full((360, 640), 20, np.uint8)], limits=limits)
    assert strength == Strength(factor=limits.factor, can_be_stronger=True)


@pytest.mark.parametrize("black", [0, 16])
def test_a_black_clip_has_a_strength_and_no_second_try(pattern: WatermarkPattern, black: int) -> None:
    strength = choose_strength(pattern, 1, [np.full((360, 640), black, np.uint8)], black=black)
    assert strength == Strength(factor=FIRST_LIMITS.factor, can_be_stronger=False)


def test_the_mark_is_not_more_visible_than_the_limit(pattern: WatermarkPattern, plain: list[Luma]) -> None:
    limits = StrengthLimits(visibility=5.0, factor=9.0)
    strength = choose_strength(pattern, 1, plain[::2], limits=limits)
    assert strength.can_be_stronger
    mark = WatermarkEmbedder(pattern, 1, factor=strength.factor)
    blocks = [visible_change(one.astype(np.float32), mark.change(one, 0.0)) for one in plain[::6]]
    # In another place of the tile, and so not exactly as visible.
    assert overall_visibility(blocks) == pytest.approx(5.0, rel=0.15)


def test_a_clip_in_video_range_is_marked_as_visibly_as_the_same_in_full_range(
    pattern: WatermarkPattern, plain: list[Luma]
) -> None:
    limits = StrengthLimits(visibility=5.0, factor=9.0)
    full = [np.asarray(one // 2, np.uint8) for one in plain[::6]]
    video = [np.asarray(np.round(16 + one / 255 * 219), np.uint8) for one in full]
    shown = []
    for frames, black, scale in ((full, 0, 1.0), (video, 16, 255 / 219)):
        factor = choose_strength(pattern, 1, frames, limits=limits, black=black).factor
        mark = WatermarkEmbedder(pattern, 1, factor=factor, black=black)
        changes = [mark.change(one, 0.0) * scale for one in frames]
        pairs = zip(full, changes, strict=True)
        shown.append(overall_visibility([visible_change(a.astype(np.float32), b) for a, b in pairs]))
    # The levels of video range are coarser.
    assert shown[1] == pytest.approx(shown[0], rel=0.1)


def test_one_black_frame_at_the_start_changes_little(pattern: WatermarkPattern, plain: list[Luma]) -> None:
    limits = StrengthLimits(visibility=5.0, factor=9.0)
    samples = plain[::6]
    without = choose_strength(pattern, 1, samples, limits=limits).factor
    black = np.zeros_like(samples[0])
    assert choose_strength(pattern, 1, [black, *samples], limits=limits).factor < 1.3 * without


def test_the_psnr_limits_a_clip_with_texture_everywhere(pattern: WatermarkPattern, plain: list[Luma]) -> None:
    limits = StrengthLimits(visibility=100.0, factor=9.0)
    first = choose_strength(pattern, 1, plain[::6], limits=limits)
    assert not first.can_be_stronger
    higher = StrengthLimits(visibility=200.0, factor=18.0)
    assert choose_strength(pattern, 1, plain[::6], limits=higher) == first


def test_a_clip_without_frames_has_no_strength(pattern: WatermarkPattern) -> None:
    with pytest.raises(ValueError, match="without frames"):
        choose_strength(pattern, 1, [])


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


@each_row
def test_frames_of_every_shape_are_marked(pattern: WatermarkPattern, shape: tuple[int, int]) -> None:
    marked = WatermarkEmbedder(pattern, 1, factor=2.0).mark(np.full(shape, 128, np.uint8), 0.0)
    assert marked.shape == shape
