"""How visible a change of a picture is, in units of the smallest visible change (Watson 1993).

A. B. Watson, DCT quantization matrices visually optimized for individual images, Proc. SPIE 1913, 1993. The
thresholds are those for 32 pixels per degree: a picture of 360 rows seen from five times its height.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
_Level = TypeVar("_Level", np.uint8, np.float32)

_BLOCK = 8
#: The visibility of a change is this percentile of its blocks: nearly the most visible one.
_PERCENTILE = 99.9
#: Shorter side of a picture in pixels, for the distance that the thresholds are for.
_SHORT_SIDE = 360
#: Smallest visible amplitude of each DCT coefficient of a block of mean grey, in levels of luma.
_THRESHOLDS = np.array(
    [
        [1.40, 1.01, 1.16, 1.66, 2.40, 3.43, 4.79, 6.56],
        [1.01, 1.45, 1.32, 1.52, 2.00, 2.71, 3.67, 4.93],
        [1.16, 1.32, 2.24, 2.59, 2.98, 3.64, 4.60, 5.88],
        [1.66, 1.52, 2.59, 3.77, 4.55, 5.30, 6.28, 7.60],
        [2.40, 2.00, 2.98, 4.55, 6.15, 7.46, 8.71, 10.17],
        [3.43, 2.71, 3.64, 5.30, 7.46, 9.62, 11.58, 13.51],
        [4.79, 3.67, 4.60, 6.28, 8.71, 11.58, 14.50, 17.29],
        [6.56, 4.93, 5.88, 7.60, 10.17, 13.51, 17.29, 21.15],
    ],
    np.float32,
)
#: Exponents of luminance masking, contrast masking, and the sum over the coefficients of a block.
_LUMINANCE, _CONTRAST, _POOLING = 0.649, 0.7, 4.0
_MEAN_GREY = 128.0
#: Luma of black. The model has no threshold for it; a real screen is never darker, because it reflects light.
_BLACK = 16.0


def visible_change(picture: Floats, change: Floats) -> Floats:
    """The visibility of the change in each block of 8 by 8 pixels; 1 is just visible."""
    coefficients, errors = _transform(picture), _transform(change)
    mean = np.maximum(coefficients[:, :1, :1] / _BLOCK, _BLACK)
    threshold = _THRESHOLDS * (mean / _MEAN_GREY) ** _LUMINANCE
    masked = np.abs(coefficients) ** _CONTRAST * threshold ** (1 - _CONTRAST)
    masked[:, 0, 0] = 0  # the mean of a block masks by its luminance only
    shares = np.abs(errors) / np.maximum(threshold, masked)
    return np.asarray((shares**_POOLING).sum(axis=(1, 2)) ** (1 / _POOLING), np.float32)


def overall_visibility(blocks: Sequence[Floats]) -> float:
    """One value for the blocks of all sampled frames."""
    return float(np.percentile(np.concatenate(blocks), _PERCENTILE))


def at_viewing_size(plane: npt.NDArray[_Level]) -> npt.NDArray[_Level]:
    """A copy at the size that the thresholds are for. A smaller picture keeps its size."""
    height, width = plane.shape
    factor = min(_SHORT_SIDE / min(height, width), 1.0)
    size = (max(round(width * factor), _BLOCK), max(round(height * factor), _BLOCK))
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), plane.dtype)


def _transform(plane: Floats) -> Floats:
    height, width = (side - side % _BLOCK for side in plane.shape)
    blocks = plane[:height, :width].reshape(height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK)
    rows = cv2.dct(np.eye(_BLOCK, dtype=np.float32), flags=cv2.DCT_ROWS).T
    return np.asarray(rows @ blocks.transpose(0, 2, 1, 3).reshape(-1, _BLOCK, _BLOCK) @ rows.T, np.float32)
