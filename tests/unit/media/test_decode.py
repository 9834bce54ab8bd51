from __future__ import annotations

import cv2
import numpy as np

from safelight.media.decode import _downscale_plane
from support.rows import each_row


@each_row
def test_halving_first_equals_area_means_within_one_level(size: tuple[int, int]) -> None:
    width, height = size
    pixels = np.random.default_rng(1).integers(0, 256, (height, width), dtype=np.uint8)
    less = (min(320, width), min(180, height))
    at_once = cv2.resize(pixels, less, interpolation=cv2.INTER_AREA).astype(int)
    made = _downscale_plane(pixels, less)
    assert made.shape == less[::-1]
    assert np.abs(made.astype(int) - at_once).max() <= 2
