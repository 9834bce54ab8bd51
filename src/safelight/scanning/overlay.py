"""Lifting what is new in a frame off what was there before: a second, clearer look at it.

Something laid over a picture at three tenths of its strength leaves seven tenths of that picture in sight.
The neighbours say what was there; taken away in the right measure, only what was laid over remains.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Map = npt.NDArray[np.float32]

#: Below this part of the ground left in sight there is nothing to take away.
_LEAST = 0.05
#: Blocks across and down, their least side in pixels, and the least variance of a ground that says anything.
_BLOCKS, _SIDE, _SPREAD = 8, 4, 4.0
#: Differences are smoothed over so many pixels; those below so many steps of 255, or so small a part of the
#: largest, are none; and this part of all of them may lie outside, at each end.
_SMOOTH, _FAINT, _PART, _OUTSIDE = 9, 3.0, 0.25, 0.005
#: Strays at either end when what is left is stretched over all levels, in percent.
_STRAY = 0.5
#: What is left must span so many steps of 255; less is noise of the encoder.
_SPAN = 10.0


@dataclass(frozen=True, kw_only=True)
class OverlayCrop:
    """A part of a frame, larger or clearer: its pixels, and where it is in parts of the picture."""

    pixels: Pixels
    x: float
    y: float
    w: float
    h: float

    def to_frame_box(self, x: float, y: float, w: float, h: float) -> tuple[float, float, float, float]:
        """A box in parts of the view as one in parts of the picture."""
        return (
            round(self.x + x * self.w, 4),
            round(self.y + y * self.h, 4),
            round(w * self.w, 4),
            round(h * self.h, 4),
        )


def extract_overlay(frame: Pixels, grounds: list[Pixels]) -> OverlayCrop | None:
    """What was laid over the ground, all levels used, cut out; its place is in parts of `frame`.

    `grounds` are the same part of neighbouring frames, moved to where it is now; the nearest is used.
    None where there is nothing but noise, or hardly any ground is left in sight.
    """
    now = frame.astype(np.float32)
    best = min(grounds, key=lambda ground: float(np.abs(now - ground).mean())).astype(np.float32)
    window = _where(np.abs(now - best).max(axis=2))
    if window is None:
        return None
    now, best = now[window], best[window]
    left = _left(now.mean(axis=2), best.mean(axis=2))
    if left < _LEAST:
        return None
    rest: Map = now - left * best
    clear = stretch_contrast(rest)
    if clear is None:
        return None
    height, width = frame.shape[:2]
    down, across = window
    return OverlayCrop(
        pixels=clear,
        x=across.start / width,
        y=down.start / height,
        w=(across.stop - across.start) / width,
        h=(down.stop - down.start) / height,
    )


def _where(apart: Map) -> tuple[slice, slice] | None:
    """Rows and columns that hold nearly all of what differs, with a little around it."""
    import cv2

    smooth = cv2.blur(apart, (_SMOOTH, _SMOOTH))
    level = max(_FAINT, _PART * float(np.percentile(smooth, 98)))
    far: Map = np.maximum(smooth - level, 0)
    if not far.any():
        return None
    return _span(far.sum(axis=1)), _span(far.sum(axis=0))


def _span(parts: Map) -> slice:
    heaped = np.cumsum(parts) / parts.sum()
    first = int(np.searchsorted(heaped, _OUTSIDE, side="right"))
    last = int(np.searchsorted(heaped, 1 - _OUTSIDE, side="left")) + 1
    around = max(_SMOOTH, (last - first) // 20)
    return slice(max(first - around, 0), min(last + around, parts.size))


def _left(light: Map, under: Map) -> float:
    """How much of the ground is left in sight: the middle one of what every block of the part says.

    Under a card or a face most blocks say the same. Under letters most show the ground as it was: 1.
    """
    said = []
    for rows in np.array_split(np.arange(light.shape[0]), _BLOCKS):
        for columns in np.array_split(np.arange(light.shape[1]), _BLOCKS):
            if min(rows.size, columns.size) < _SIDE:
                continue
            block = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
            spread = float(under[block].var())
            if spread > _SPREAD:
                apart = light[block] - light[block].mean()
                said.append(float((apart * (under[block] - under[block].mean())).mean()) / spread)
    return float(np.clip(np.median(said), 0.0, 1.0)) if len(said) >= _SIDE else 1.0


def stretch_contrast(rest: Map) -> Pixels | None:
    """All levels of every colour used; None where there is nothing but noise.

    Each colour by itself: too much or too little of an even ground taken away leaves a cast.
    """
    low, high = np.percentile(rest, (_STRAY, 100 - _STRAY), axis=(0, 1))
    span = high - low
    if float(span.max()) < _SPAN:
        return None
    scaled: Any = (rest - low) * (255.0 / np.maximum(span, _SPAN))
    clear: Pixels = np.clip(scaled, 0, 255).astype(np.uint8)
    return clear
