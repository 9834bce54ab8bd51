"""Local contrast: what is left of a picture when light, shade and the strength of paint are taken away."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]

WINDOW = 49
_LEAST = 0.04


def contrast(grey: Plane, *, window: int = WINDOW) -> Plane:
    """A grey picture, 0 to 1, against the mean and spread in a window around each place."""
    import cv2

    mean = cv2.boxFilter(grey, -1, (window, window), borderType=cv2.BORDER_REFLECT)
    square = cv2.boxFilter(grey * grey, -1, (window, window), borderType=cv2.BORDER_REFLECT)
    spread = np.sqrt(np.maximum(square - mean * mean, 0))
    return np.asarray((grey - mean) / (spread + _LEAST), np.float32)
