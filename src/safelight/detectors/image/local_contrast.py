"""Local contrast normalisation: removes lighting, shading and overall contrast from a picture."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]

WINDOW = 49
_MIN_SPREAD = 0.04


def local_contrast(grey: Plane, *, window: int = WINDOW) -> Plane:
    """Normalise a picture with values from 0 to 1.

    From each pixel, subtract the mean of the window around it, and divide by the standard deviation of that
    window.
    """
    import cv2

    mean = cv2.boxFilter(grey, -1, (window, window), borderType=cv2.BORDER_REFLECT)
    square = cv2.boxFilter(grey * grey, -1, (window, window), borderType=cv2.BORDER_REFLECT)
    spread = np.sqrt(np.maximum(square - mean * mean, 0))
    return np.asarray((grey - mean) / (spread + _MIN_SPREAD), np.float32)
