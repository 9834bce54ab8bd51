"""Extracts an overlay from a frame by subtracting the background, which the neighbouring frames show.

An overlay with 30 % opacity leaves 70 % of the background visible. Subtracting the background with that
weight leaves only the overlay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from safelight.core.arrays import Pixels

Map = npt.NDArray[np.float32]

#: Minimum visibility of the background. If it is lower, nothing is subtracted.
_MIN_VISIBILITY = 0.05
#: Number of blocks per side, minimum side of a block, and minimum variance of the background in a block that
#: can be measured.
_BLOCKS_PER_SIDE, _MIN_BLOCK_PX, _MIN_VARIANCE = 8, 4, 4.0
#: Minimum number of blocks with a measurement.
_MIN_BLOCKS = 4
#: The difference is smoothed with a kernel of this size. A pixel counts if its difference is above this many
#: grey levels and above this fraction of the largest difference. At each end of the box, this fraction of the
#: difference may be outside.
_SMOOTHING_PX, _MIN_LEVELS, _MIN_PEAK_FRACTION, _BOX_TRIM_FRACTION = 9, 3.0, 0.25, 0.005
#: When the contrast is stretched, this percentage of the pixels is clipped at each end.
_CLIPPED_PERCENT = 0.5
#: Minimum range of the overlay in grey levels; a smaller range is encoder noise.
_MIN_SPAN_LEVELS = 10.0


@dataclass(frozen=True, kw_only=True)
class OverlayCrop:
    """A crop of a frame, unchanged or with the overlay extracted. Its box is in fractions of the frame."""

    pixels: Pixels
    x: float
    y: float
    w: float
    h: float

    def to_frame_box(self, x: float, y: float, w: float, h: float) -> tuple[float, float, float, float]:
        """Convert a box in fractions of the crop to fractions of the frame."""
        return (
            round(self.x + x * self.w, 4),
            round(self.y + y * self.h, 4),
            round(w * self.w, 4),
            round(h * self.h, 4),
        )


def extract_overlay(frame: Pixels, backgrounds: list[Pixels]) -> OverlayCrop | None:
    """The overlay of a frame: cut out, with stretched contrast, and its box in fractions of `frame`.

    `backgrounds` are the same window of neighbouring frames, warped to this frame; the most similar one is
    used. None if the difference is only noise, or if hardly any background is visible.
    """
    pixels = frame.astype(np.float32)
    nearest = min(backgrounds, key=lambda one: float(np.abs(pixels - one).mean())).astype(np.float32)
    window = _changed_window(np.abs(pixels - nearest).max(axis=2))
    if window is None:
        return None
    pixels, nearest = pixels[window], nearest[window]
    visibility = _background_visibility(pixels.mean(axis=2), nearest.mean(axis=2))
    if visibility < _MIN_VISIBILITY:
        return None
    overlay: Map = pixels - visibility * nearest
    stretched = stretch_contrast(overlay)
    if stretched is None:
        return None
    height, width = frame.shape[:2]
    rows, columns = window
    return OverlayCrop(
        pixels=stretched,
        x=columns.start / width,
        y=rows.start / height,
        w=(columns.stop - columns.start) / width,
        h=(rows.stop - rows.start) / height,
    )


def _changed_window(difference: Map) -> tuple[slice, slice] | None:
    """Rows and columns that contain nearly all of the difference, with a margin.

    None if the difference is only noise.
    """
    import cv2

    smooth = cv2.blur(difference, (_SMOOTHING_PX, _SMOOTHING_PX))
    threshold = max(_MIN_LEVELS, _MIN_PEAK_FRACTION * float(np.percentile(smooth, 98)))
    excess: Map = np.maximum(smooth - threshold, 0)
    if not excess.any():
        return None
    return _span(excess.sum(axis=1)), _span(excess.sum(axis=0))


def _span(sums: Map) -> slice:
    cumulative = np.cumsum(sums) / sums.sum()
    first = int(np.searchsorted(cumulative, _BOX_TRIM_FRACTION, side="right"))
    last = int(np.searchsorted(cumulative, 1 - _BOX_TRIM_FRACTION, side="left")) + 1
    margin = max(_SMOOTHING_PX, (last - first) // 20)
    return slice(max(first - margin, 0), min(last + margin, sums.size))


def _background_visibility(luma: Map, background: Map) -> float:
    """How much of the background is visible through the overlay, from 0 to 1: the median over all blocks.

    If the overlay is a picture, most blocks have a similar visibility. If it is text, most blocks show the
    unchanged background, and the result is 1.
    """
    slopes = []
    for rows in np.array_split(np.arange(luma.shape[0]), _BLOCKS_PER_SIDE):
        for columns in np.array_split(np.arange(luma.shape[1]), _BLOCKS_PER_SIDE):
            if min(rows.size, columns.size) < _MIN_BLOCK_PX:
                continue
            block = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
            variance = float(background[block].var())
            if variance > _MIN_VARIANCE:
                deviation = luma[block] - luma[block].mean()
                covariance = float((deviation * (background[block] - background[block].mean())).mean())
                slopes.append(covariance / variance)
    return float(np.clip(np.median(slopes), 0.0, 1.0)) if len(slopes) >= _MIN_BLOCKS else 1.0


def stretch_contrast(overlay: Map) -> Pixels | None:
    """Stretch every colour channel to the full range; None if there is only noise.

    Each channel is stretched separately. If too much or too little of a uniform background was subtracted,
    the overlay has a colour cast, which this removes.
    """
    low, high = np.percentile(overlay, (_CLIPPED_PERCENT, 100 - _CLIPPED_PERCENT), axis=(0, 1))
    span = high - low
    if float(span.max()) < _MIN_SPAN_LEVELS:
        return None
    scaled: Any = (overlay - low) * (255.0 / np.maximum(span, _MIN_SPAN_LEVELS))
    stretched: Pixels = np.clip(scaled, 0, 255).astype(np.uint8)
    return stretched
