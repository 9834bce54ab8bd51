from __future__ import annotations

import numpy as np

from safelight.provenance.watermark.masking import allowed_amplitude


def _noise(low: int, high: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    return np.random.default_rng(1).integers(low, high, (360, 640)).astype(np.uint8)


def test_texture_allows_more_than_flat_areas() -> None:
    flat = np.full((360, 640), 128, np.uint8)
    assert allowed_amplitude(_noise(60, 200)).mean() > 2 * allowed_amplitude(flat).mean()


def test_dark_areas_allow_less_than_bright_ones() -> None:
    dark, bright = (np.full((360, 640), level, np.uint8) for level in (5, 140))
    assert allowed_amplitude(dark).max() < allowed_amplitude(bright).min()


def test_the_flat_side_of_an_edge_is_not_treated_as_texture() -> None:
    edge = np.full((360, 640), 40, np.uint8)
    edge[:, 320:] = 220
    flat = allowed_amplitude(np.full((360, 640), 220, np.uint8)).max()
    assert allowed_amplitude(edge)[:, 175:].max() < 1.05 * flat


def test_smooth_gradients_and_the_inside_of_a_frame_are_flat() -> None:
    ramp = np.tile(np.linspace(70, 250, 640), (360, 1)).astype(np.uint8)
    flat = allowed_amplitude(np.full((360, 640), 200, np.uint8)).max()
    assert np.median(allowed_amplitude(ramp)) < 1.3 * flat
    ring = np.full((360, 640), 220, np.uint8)
    ring[100:260, 200:440] = 90
    ring[116:244, 216:424] = 220
    assert allowed_amplitude(ring).max() < 1.05 * flat


def test_black_gets_nothing() -> None:
    assert allowed_amplitude(np.zeros((360, 640), np.uint8)).max() == 0


def test_small_and_narrow_frames_are_accepted() -> None:
    for shape in ((16, 16), (2, 900), (900, 2)):
        assert np.isfinite(allowed_amplitude(np.zeros(shape, np.uint8))).all()


def test_black_of_video_range_gets_nothing_and_full_range_luma_16_gets_something() -> None:
    frame = np.full((360, 640), 16, np.uint8)
    assert allowed_amplitude(frame, 16).max() == 0
    assert allowed_amplitude(frame).max() > 0
