"""Perceptual model: how strong the watermark may be at each place of a frame."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Luma = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

#: The model works on a copy of the frame with about this shorter side.
_MODEL_SIDE = 180
#: Allowed amplitude in levels of luma (0 to 255): in flat areas, for each level of local contrast, at most.
_FLAT, _PER_CONTRAST, _MOST = 0.62, 0.11, 2.4
#: Share of the amplitude that is left in black, and the luma from which all of it is.
_BLACK_SHARE, _FULL_LUMA = 0.45, 70.0


def allowed_amplitude(luma: Luma) -> Floats:
    """Relative amplitude for each pixel of a small copy: more in texture, less in dark and flat areas."""
    small = _shrink(luma)
    mean = cv2.blur(small, (5, 5))
    variance = cv2.blur(small * small, (5, 5)) - mean * mean
    contrast = np.sqrt(np.maximum(variance, 0))
    # An edge masks nothing in the flat area next to it, so the smallest contrast nearby counts.
    contrast = cv2.erode(cv2.blur(contrast, (5, 5)), np.ones((3, 3), np.uint8))
    amplitude = np.minimum(_FLAT + _PER_CONTRAST * contrast, _MOST)
    amplitude *= np.minimum(_BLACK_SHARE + mean * ((1 - _BLACK_SHARE) / _FULL_LUMA), 1)
    return np.asarray(cv2.GaussianBlur(amplitude, (0, 0), 1.5), np.float32)


def _shrink(luma: Luma) -> Floats:
    height, width = luma.shape
    factor = max(min(height, width) / _MODEL_SIDE, 1.0)
    size = (max(round(width / factor), 8), max(round(height / factor), 8))
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.float32)
