"""Structural similarity (SSIM) of two pictures (Wang et al. 2004)."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def structural_similarity(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> float:
    """The mean over Gaussian windows of 11 pixels; 1 for equal pictures."""
    a, b = one.astype(np.float32), other.astype(np.float32)
    mean_a, mean_b = _blur(a), _blur(b)
    variance_a, variance_b = _blur(a * a) - mean_a**2, _blur(b * b) - mean_b**2
    covariance = _blur(a * b) - mean_a * mean_b
    similar = (2 * mean_a * mean_b + _C1) * (2 * covariance + _C2)
    return float(np.mean(similar / ((mean_a**2 + mean_b**2 + _C1) * (variance_a + variance_b + _C2))))


def _blur(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(values, (11, 11), 1.5), np.float32)
