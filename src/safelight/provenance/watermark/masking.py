"""Perceptual model: how strong the watermark may be at each place of a frame."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from safelight.core.arrays import Floats

Luma = npt.NDArray[np.uint8]

#: The model works on a copy of the frame with about this shorter side.
_MODEL_SIDE = 180
#: Allowed amplitude in levels of luma (0 to 255): in flat areas, for each level of local contrast, at most.
_FLAT, _PER_CONTRAST, _MOST = 0.42, 0.8, 2.9
#: Local contrast that rounding to whole levels of luma gives to a smooth gradient.
_ROUNDING_CONTRAST = 0.3
#: From this luma on, the full amplitude is allowed; below, less by the square root of the luma.
_FULL_LUMA = 70.0
#: An area masks only if there is contrast everywhere in a window of this side, in pixels of the copy. An edge
#: masks nothing in the flat area beside it.
_MASKING_WINDOW = np.ones((7, 7), np.uint8)
_DARKNESS_WINDOW = np.ones((5, 5), np.uint8)


def allowed_amplitude(luma: Luma, black: int = 0) -> Floats:
    """Relative amplitude for each pixel of a small copy: more in texture, less in dark and flat areas."""
    small = _shrink(luma) - black
    contrast = cv2.erode(_local_contrast(small), _MASKING_WINDOW)
    darkest = cv2.erode(cv2.blur(small, (3, 3)), _DARKNESS_WINDOW)
    amplitude = np.minimum(_FLAT + _PER_CONTRAST * np.maximum(contrast - _ROUNDING_CONTRAST, 0), _MOST)
    amplitude *= np.sqrt(np.clip(darkest / _FULL_LUMA, 0, 1))
    return np.asarray(cv2.GaussianBlur(amplitude, (0, 0), 1.2), np.float32)


def _local_contrast(small: Floats) -> Floats:
    """The lower of two measures: one is 0 in smooth gradients, the other reaches less far around edges."""
    detail = small - cv2.GaussianBlur(small, (0, 0), 1.5)
    mean = cv2.blur(small, (3, 3))
    variance = cv2.blur(small * small, (3, 3)) - mean * mean
    return np.asarray(np.sqrt(np.maximum(np.minimum(cv2.blur(detail * detail, (3, 3)), variance), 0)))


def _shrink(luma: Luma) -> Floats:
    height, width = luma.shape
    factor = max(min(height, width) / _MODEL_SIDE, 1.0)
    size = (max(round(width / factor), 8), max(round(height / factor), 8))
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.float32)
