"""Scales a picture by a factor, for the inputs of detectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def scale_picture(pixels: npt.NDArray[Any], factor: float, *, least_px: int = 1) -> npt.NDArray[np.uint8]:
    """The picture (grey or RGB, uint8) with both sides times `factor`, but no side under `least_px`.

    Smaller by the mean over an area, larger by linear interpolation; the picture itself if its size stays.
    """
    import cv2

    height, width = pixels.shape[:2]
    size = (max(round(width * factor), least_px), max(round(height * factor), least_px))
    if size == (width, height):
        return pixels
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(pixels), size, interpolation=interpolation), np.uint8)
